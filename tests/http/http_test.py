"""The HTTP server as clients see it, good ones and bad ones, against a real core and a real Redis."""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))
import cachectl  # noqa: E402

TOKEN = "a-token-for-this-test"
BEARER = f"Authorization: Bearer {TOKEN}"


class Reply:
    def __init__(self, text: bytes) -> None:
        head, _, self.body = text.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0] else 0
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}

    @property
    def value(self) -> Any:
        return json.loads(self.body)


class Serving:
    """A process that serves, on a free port."""

    def __init__(self, url: str, **config: Any) -> None:
        self.directory = tempfile.mkdtemp(prefix="cachecore-http-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        http = {"listen": f"127.0.0.1:{self.port}", "token": TOKEN} | config
        monitor = {"check_timeout_ms": 300, "flush_ms": 100}
        path = Path(self.directory, "config.json")
        path.write_text(json.dumps({"url": url, "load": ["kv", "cache", "monitor", "http"], "plugins": {"http": http, "monitor": monitor}}))
        self.process = subprocess.Popen(
            [cachectl.program, "--config", str(path), "core.log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=cachectl.environment(), preexec_fn=cachectl.die_with_parent,
        )
        cachectl.wait_until(self.answers, "the HTTP server answers")

    def answers(self) -> bool:
        try:
            return self.get("/health").status != 0
        except OSError:
            return False

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=cachectl.PATIENCE)
        return connection

    def raw(self, text: bytes) -> bytes:
        """Sends, and reads until the server closes."""
        out = b""
        with self.connect() as connection:
            try:
                connection.sendall(text)
                while more := connection.recv(65536):
                    out += more
            except (ConnectionResetError, BrokenPipeError):
                pass
        return out

    def send(self, line: str, *headers: str, body: bytes = b"", host: str = "localhost") -> Reply:
        lines = [f"{line} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return Reply(self.raw("\r\n".join([*lines, "", ""]).encode() + body))

    def get(self, path: str, *headers: str, host: str = "localhost") -> Reply:
        return self.send(f"GET {path}", *headers, host=host)

    def call(self, method: str, arguments: Any = None) -> Reply:
        body = b"" if arguments is None else json.dumps(arguments).encode()
        return self.send(f"POST /api/call/{method}", BEARER, body=body)

    def memory_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(cachectl.PATIENCE) == -15
        shutil.rmtree(self.directory)


class Case(unittest.TestCase):
    config: dict[str, Any] = {}
    redis: cachectl.Server
    server: Serving

    @classmethod
    def setUpClass(cls) -> None:
        cls.redis = cachectl.Server()
        cls.addClassCleanup(cls.redis.stop)
        cls.server = Serving(cls.redis.url, **cls.config)
        cls.addClassCleanup(cls.server.stop)


class Access(Case):
    config = {"allow": ["kv.set", "kv.delete"]}

    def test_without_the_token_only_the_status_of_health_is_learned(self) -> None:
        self.assertEqual(self.server.get("/health").value, {"status": "healthy"})
        told = set()
        for path in ("/metrics", "/stats/a", "/api/methods", "/api/call/kv.get", "/nothing", "/health/x"):
            for headers in ([], ["Authorization: Bearer wrong"], [f"Authorization: Basic {TOKEN}"], [BEARER + "x"], [BEARER[:-1]]):
                reply = self.server.get(path, *headers)
                self.assertEqual(reply.status, 401, path)
                self.assertEqual(reply.headers["www-authenticate"], "Bearer")
                told.add(reply.body)
        self.assertEqual(len(told), 1)
        self.assertEqual(self.server.send("POST /api/call/kv.set", body=b'{"key": "a", "value": "b"}').status, 401)

    def test_a_foreign_host_learns_nothing_else_even_with_the_token(self) -> None:
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1", "localhost:80x"):
            self.assertEqual(self.server.get("/health", BEARER, host=host).value, {"status": "healthy"})
            for path in ("/", "/app.js", "/metrics", "/api/methods"):
                self.assertEqual(self.server.get(path, BEARER, host=host).status, 421, (host, path))
        for host in ("LOCALHOST", "localhost:1", "127.0.0.1:8377", "[::1]:1", "localhost."):
            self.assertEqual(self.server.get("/api/methods", BEARER, host=host).status, 200, host)

    def test_only_reading_methods_and_allowed_ones_are_reached(self) -> None:
        self.assertEqual(self.server.call("kv.set", {"key": "a", "value": "b"}).value, {"result": True})
        self.assertEqual(self.server.call("kv.get", {"key": "a"}).value, {"result": "b"})
        self.assertEqual(self.server.call("kv.get", ["a"]).value, {"result": "b"})
        for method in ("kv.increment", "kv.set_json", "cache.set", "monitor.record", "redis.command", "redis.ping",
                       "redis.info", "redis.scan", "redis.script", "core.encrypt", "core.drain", "core.log"):
            reply = self.server.call(method, [])
            self.assertEqual((reply.status, reply.value["error"]["status"]), (403, "DENIED"), method)
        reachable = self.server.get("/api/methods", BEARER).value["result"]
        self.assertEqual([each for each in reachable if each.startswith(("redis.", "core."))], ["core.slow", "core.stats"])

    def test_every_method_reached_without_being_allowed_is_a_reviewed_one(self) -> None:
        reachable = set(self.server.get("/api/methods", BEARER).value["result"]) - {"kv.set", "kv.delete"}
        reviewed = {
            "core.slow", "core.stats", "http.status",
            "kv.exists", "kv.get", "kv.get_json", "kv.get_many", "kv.hash_get", "kv.hash_get_all", "kv.list_range",
            "kv.ttl", "kv.watch_expired",
            "monitor.alerts", "monitor.health", "monitor.history", "monitor.metrics", "monitor.server", "monitor.slow",
            "monitor.stats",
        }
        self.assertEqual({each for each in reachable if not each.startswith("cache.")}, reviewed)
        self.assertLessEqual({each for each in reachable if each.startswith("cache.")}, {"cache.get", "cache.stats", "cache.policy", "cache.policies", "cache.region"})

    def test_errors_say_what_to_do(self) -> None:
        self.assertEqual(self.server.call("kv.get", {"key": "nothing"}).status, 404)
        self.assertIn("kex", self.server.call("kv.get", {"kex": "a"}).value["error"]["message"])
        self.assertEqual(self.server.call("kv.get", {"key": 5}).status, 400)
        self.assertEqual(self.server.call("no.method").status, 404)
        self.assertEqual(self.server.send("POST /api/call/kv.get", BEARER, body=b"{").status, 400)
        self.assertEqual(self.server.send("POST /api/call/kv.get", BEARER, body=b"7").status, 400)
        self.assertEqual(self.server.get("/api/call/kv.get", BEARER).headers["allow"], "POST")
        self.assertEqual(self.server.send("DELETE /metrics", BEARER).status, 405)
        self.assertEqual(self.server.get("/stats/", BEARER).status, 400)
        self.assertEqual(self.server.get("/stats/%zz", BEARER).status, 400)
        self.assertEqual(self.server.get("/stats/a%20b", BEARER).value["result"]["total"], 0)

    def test_the_page_comes_with_a_strict_policy(self) -> None:
        page = self.server.get("/")
        self.assertEqual(page.status, 200)
        self.assertNotIn("unsafe", page.headers["content-security-policy"])
        self.assertNotRegex(page.body.decode(), r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=")
        self.assertEqual(self.server.get("/", f"If-None-Match: {page.headers['etag']}").status, 304)
        self.assertEqual(Reply(self.server.raw(b"HEAD / HTTP/1.0\r\nHost: localhost\r\n\r\n")).body, b"")


class Protocol(Case):
    config = {"request_timeout_ms": 400, "max_connections": 8, "max_body_bytes": 1000, "allow": ["core.log"]}

    def test_requests_follow_each_other_on_one_connection(self) -> None:
        one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        self.assertEqual(self.server.raw(one + one + last).count(b"HTTP/1.1 200 OK"), 3)

    def test_what_is_malformed_or_too_large_is_refused(self) -> None:
        host = b"Host: localhost\r\n"
        for text, status in (
            (b"nonsense\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + host + b"\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b" folded\r\n\r\n", 400),
            (b"GET http://localhost/ HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET / HTTP/2.0\r\n" + host + b"\r\n", 505),
            (b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1, 1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1001\r\n\r\n", 413),
            (b"GET /" + b"a" * 20000, 431),
        ):
            self.assertEqual(Reply(self.server.raw(text)).status, status, text[:60])

    def test_slow_requests_are_ended_however_they_drip(self) -> None:
        with self.server.connect() as slow:
            slow.settimeout(0.05)
            answer = b""
            for byte in b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 1000:
                try:
                    slow.sendall(bytes([byte]))
                    answer += slow.recv(1000)
                    break
                except TimeoutError:
                    continue
                except (ConnectionResetError, BrokenPipeError):
                    break
            self.assertEqual(Reply(answer).status, 408)

    def test_connections_that_only_sit_there_keep_nobody_out(self) -> None:
        idle = [self.server.connect() for _ in range(40)]
        try:
            for connection in idle:
                try:
                    connection.sendall(b"GET /hea")
                except OSError:
                    pass
            self.assertEqual(self.server.get("/health").status, 200)
        finally:
            for connection in idle:
                connection.close()

    def test_a_stream_ends_with_its_client(self) -> None:
        with self.server.connect() as stream:
            stream.sendall(b'POST /api/call/core.log HTTP/1.1\r\nHost: localhost\r\n' + BEARER.encode() + b"\r\n\r\n")
            self.assertIn(b"text/event-stream", stream.recv(4096))
            running = self.server.call("core.stats").value["result"]["calls"]
        cachectl.wait_until(lambda: self.server.call("core.stats").value["result"]["calls"] < running, "the stream has ended")

    def test_noise_neither_ends_the_server_nor_grows_it(self) -> None:
        noise = random.Random(7)
        parts = [b"GET ", b"POST ", b"/health", b"/api/call/kv.get", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"Host: localhost\r\n",
                 BEARER.encode(), b"Content-Length: 5\r\n", b"Expect: 100-continue\r\n", b"{}", b'["a"]', b"\0", b"%", b":", b" "]
        long = os.environ.get("CACHECORE_TEST_LENGTH") == "long"

        def shoot(count: int) -> None:
            for _ in range(count):
                text = b"".join(noise.choice(parts) if noise.random() < 0.9 else noise.randbytes(noise.randrange(40)) for _ in range(noise.randrange(1, 30)))
                with self.server.connect() as connection:
                    try:
                        connection.sendall(text)
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):
                            pass
                    except OSError:
                        pass

        shoot(300)
        before = self.server.memory_kib()
        shoot(50000 if long else 600)
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.server.get("/health").status, 200)
        # A sanitizer keeps what was freed.
        if "ASAN_OPTIONS" not in os.environ:
            self.assertLess(self.server.memory_kib(), before + 8192)


class Health(Case):
    def reason(self) -> tuple[int, Any]:
        reply = self.server.get("/health", BEARER)
        return reply.status, reply.value.get("reason")

    def test_503_with_its_reason_when_redis_refuses_or_is_stopped(self) -> None:
        self.assertEqual(self.reason(), (200, None))
        for on, off, reason in (
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "read_only"),
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "out_of_memory"),
        ):
            self.redis.command(*on)
            self.assertEqual(self.reason(), (503, reason))
            self.assertEqual(self.server.get("/health").value, {"status": "degraded"})
            self.redis.command(*off)
        self.assertEqual(self.reason(), (200, None))
        self.redis.process.send_signal(19)
        try:
            self.assertEqual(self.reason(), (503, "timeout"))
            metrics = self.server.get("/metrics", BEARER)
            self.assertIn(b"\ncachecore_up 0\n", metrics.body)
        finally:
            self.redis.process.send_signal(18)
        cachectl.wait_until(lambda: self.reason() == (200, None), "it is healthy again")

    def test_503_when_the_password_is_wrong(self) -> None:
        redis = cachectl.Server()
        self.addCleanup(redis.stop)
        redis.command("CONFIG", "SET", "requirepass", "right")
        server = Serving(redis.url)
        self.addCleanup(server.stop)
        reply = server.get("/health", BEARER)
        self.assertEqual((reply.status, reply.value["reason"]), (503, "denied"))
        self.assertNotIn(b"right", reply.body)


class Metrics(Case):
    def test_a_real_prometheus_reads_both_dialects(self) -> None:
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("there is no promtool; Debian's package prometheus has it")
        self.server.call("kv.get", {"key": "a"})
        text = self.server.get("/metrics", BEARER)
        self.assertTrue(text.headers["content-type"].startswith("text/plain; version=0.0.4"))
        checked = subprocess.run([promtool, "check", "metrics"], input=text.body, capture_output=True)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))
        text = self.server.get("/metrics", BEARER, "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        self.assertTrue(text.headers["content-type"].startswith("application/openmetrics-text"))
        # The parser of OpenMetrics is that of the importer, which wants times.
        lines = [line if line.startswith("#") else f"{line} 1700000000" for line in text.body.decode().splitlines()]
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "metrics").write_text("\n".join(lines) + "\n")
            imported = subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", f"{directory}/metrics", f"{directory}/data"], capture_output=True)
            self.assertEqual(imported.returncode, 0, imported.stderr)
        rules = Path(__file__).parent.parent.parent / "plugins/monitor/grafana/alerts.yaml"
        checked = subprocess.run([promtool, "check", "rules", str(rules)], capture_output=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_the_dashboard_asks_for_metrics_that_there_are(self) -> None:
        there = set(re.findall(r"^(cachecore_\w+?)(?:_bucket|_sum|_count)?(?:\{| )", self.server.get("/metrics", BEARER).body.decode(), re.M))
        folder = Path(__file__).parent.parent.parent / "plugins/monitor/grafana"
        json.loads((folder / "dashboard.json").read_text())
        only_with_data = {"cachecore_type_hits_24h", "cachecore_type_misses_24h", "cachecore_queue_jobs", "cachecore_calls_total",
                          "cachecore_call_errors_total", "cachecore_call_duration_seconds"}
        for file in ("dashboard.json", "alerts.yaml"):
            asked = set(re.findall(r"cachecore_\w+", (folder / file).read_text()))
            asked = {re.sub(r"_(bucket|sum|count)$", "", each) for each in asked}
            self.assertLessEqual(asked - only_with_data, there, file)


class Sharing(Case):
    def test_another_process_takes_over_a_port_that_becomes_free(self) -> None:
        first = Serving(self.redis.url)
        path = Path(first.directory, "config.json")
        second = subprocess.Popen([cachectl.program, "--config", str(path), "core.log"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=cachectl.environment(), preexec_fn=cachectl.die_with_parent)
        try:
            self.assertEqual(first.get("/health").status, 200)
            first.process.kill()
            first.process.wait()
            cachectl.wait_until(first.answers, "the second process serves")
            self.assertIsNone(second.poll())
        finally:
            second.kill()
            second.wait()
            shutil.rmtree(first.directory)

    def test_wrong_configurations_are_refused_with_the_reason(self) -> None:
        for http, said in (
            ({"listen": "127.0.0.1:0"}, "needs a token"),
            ({"listen": "127.0.0.1:0", "token": "short"}, "16 to 4096"),
            ({"listen": "0.0.0.0:0", "token": TOKEN}, "not a loopback address"),
            ({"listen": "somewhere", "token": TOKEN}, "ADDRESS:PORT"),
            ({"listen": "127.0.0.1:0", "token": TOKEN, "token_file": "/x"}, "not both"),
            ({"listen": "127.0.0.1:0", "token_file": "/no/such/file"}, "/no/such/file"),
            ({"allow": ["everything"]}, "PLUGIN.METHOD"),
        ):
            path = Path(self.server.directory, "wrong.json")
            path.write_text(json.dumps({"url": self.redis.url, "load": ["monitor", "http"], "plugins": {"http": http}}))
            done = subprocess.run([cachectl.program, "--config", str(path), "ping"], capture_output=True, env=cachectl.environment())
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(said, done.stderr.decode())
            self.assertNotIn(TOKEN, done.stderr.decode())


if __name__ == "__main__":
    cachectl.main()
