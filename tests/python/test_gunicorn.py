"""gunicorn with preload: a client that was connected before the fork, four workers, and nobody gets another's reply."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

WORKERS = 4
REQUESTS = 10_000 if os.environ.get("CACHECORE_TEST_LENGTH") == "long" else 500

PROGRAM = """
import os
import cachecore

client = cachecore.Client(os.environ["TEST_URL"])
client.kv.set("parent", str(os.getpid()))

def app(environ, start_response):
    name = environ["PATH_INFO"][1:]
    client.kv.set("request:" + name, name)
    body = f"{os.getpid()} {client.kv.get('request:' + name)}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""


def test_preloaded_workers_never_cross_replies(url: str, tmp_path: Path) -> None:
    (tmp_path / "preloaded.py").write_text(PROGRAM)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS), "--worker-class", "gthread"]
        + ["--threads", "4", "--bind", f"127.0.0.1:{port}", "--log-level", "warning", "preloaded:app"],
        cwd=tmp_path,
        env={**os.environ, "TEST_URL": url, "PYTHONPATH": f"{tmp_path}:{os.environ['PYTHONPATH']}"},
    )
    wrong: list[str] = []
    workers: set[str] = set()

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for turn in range(WORKERS * REQUESTS // 8):
            if turn % 50 == 0:  # another connection, which another worker may take
                connection.close()
            name = f"{number}-{turn}"
            connection.request("GET", f"/{name}")
            worker, _, answer = connection.getresponse().read().decode().partition(" ")
            workers.add(worker)
            if answer != name:
                wrong.append(f"{name} got {answer}")
        connection.close()

    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(workers) >= 2
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.wait()
