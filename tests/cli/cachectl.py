"""What the tests of the command line share: the program, a server of their own, and a runner that names every failure.

A test file is started as `FILE CACHECTL PROBE_PLUGIN [PATTERN...]`; it calls main() with nothing.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

PATIENCE = 60.0
PR_SET_PDEATHSIG = 1
KEPT = ("CACHECORE_PLUGIN_PATH", "CACHECORE_SUPERVISOR")

program = ""
probe = ""


def environment(**extra: str) -> dict[str, str]:
    """Ours, without what a developer may have configured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CACHECORE_", "REDIS_"))}
    kept |= {name: os.environ[name] for name in KEPT if name in os.environ}
    for name in ("NO_COLOR", "COLUMNS"):
        kept.pop(name, None)
    return kept | {"TERM": "xterm"} | extra


def die_with_parent() -> None:
    """In the child, before exec: no server is left when a test dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """A private server on a socket in a directory of its own."""

    def __init__(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="cachectl-")
        self.socket = f"{self.directory}/redis.sock"
        self.url = f"unix://{self.socket}"
        self.password = ""
        settings = ["--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.directory]
        with open(f"{self.directory}/log", "wb") as log:
            self.process = subprocess.Popen(
                [os.environ.get("CACHECORE_TEST_REDIS_SERVER") or "redis-server", *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        wait_until(self.answers, "the server answers")

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(Path(self.directory, "log").read_text(errors="replace"))
        try:
            return bool(self.command("PING") == b"PONG")
        except OSError:
            return False

    def command(self, *words: str | bytes | int) -> Any:
        """One command over a connection of its own; the reply as bytes, int, None or list."""
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(self.socket)
            with connection.makefile("rwb") as both:
                stream = cast(BinaryIO, both)
                if self.password:
                    self._exchange(stream, [b"AUTH", self.password.encode()])
                return self._exchange(stream, encoded)

    def _exchange(self, stream: BinaryIO, words: list[bytes]) -> Any:
        stream.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        stream.flush()
        return self._reply(stream)

    def _reply(self, reader: BinaryIO) -> Any:
        line = reader.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self._reply(reader) for _ in range(int(rest))]
        return rest

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE:.0f} s in vain: {what}")
        time.sleep(0.005)


@dataclass
class Outcome:
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def value(self) -> Any:
        """What --json wrote: exactly one line."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"not one line: {self.out!r}, {self.err!r}"
        return json.loads(lines[0])

    @property
    def error(self) -> dict[str, str]:
        lines = self.err.splitlines()
        assert len(lines) == 1, f"not one line: {self.err!r}"
        error: dict[str, str] = json.loads(lines[0])
        return error


class Case(unittest.TestCase):
    """A test case with a server that its class shares, and the program under test."""

    server: Server
    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self) -> None:
        self.server.command("FLUSHALL")
        self.directory = Path(tempfile.mkdtemp(prefix="cachectl-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def arguments(self, words: tuple[str | bytes, ...]) -> list[str | bytes]:
        return [program, "--url", self.server.url, "--plugin", probe, *words]

    def run_bare(self, *words: str | bytes, stdin: bytes = b"", env: dict[str, str] | None = None) -> Outcome:
        """Without a server or the probe."""
        done = subprocess.run(
            [program, *words], input=stdin, capture_output=True, timeout=PATIENCE, env=environment(**(env or {}))
        )
        return Outcome(done.returncode, done.stdout, done.stderr.decode())

    def run_cli(self, *words: str | bytes, stdin: bytes = b"", env: dict[str, str] | None = None) -> Outcome:
        return self.run_bare(*self.arguments(words)[1:], stdin=stdin, env=env)

    def start_cli(self, *words: str | bytes, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        return self.start(*self.arguments(words), stdout=stdout)

    def start(self, *command: str | bytes, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(),
            preexec_fn=die_with_parent,
        )
        self.addCleanup(self._end, process)
        return process

    def first_line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        return process.stdout.readline()

    def stop_reading(self, process: subprocess.Popen[bytes]) -> str:
        """Closes the program's output; what it has on stderr when it has ended."""
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        process.wait(PATIENCE)
        return process.stderr.read().decode()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def finish(self, process: subprocess.Popen[bytes]) -> Outcome:
        out, err = process.communicate(timeout=PATIENCE)
        return Outcome(process.returncode, out or b"", (err or b"").decode())

    def ok(self, *words: str | bytes, stdin: bytes = b"") -> Outcome:
        outcome = self.run_cli(*words, stdin=stdin)
        self.assertEqual((outcome.code, outcome.err), (0, ""), outcome)
        return outcome

    def ok_json(self, *words: str | bytes, stdin: bytes = b"") -> Any:
        return self.ok("--json", *words, stdin=stdin).value

    def refused(self, code: int, *words: str | bytes, stdin: bytes = b"") -> str:
        """Fails with `code`, writes nothing on stdout and one line on stderr, which is returned."""
        outcome = self.run_cli(*words, stdin=stdin)
        self.assertEqual((outcome.code, outcome.out), (code, b""), outcome)
        self.assertEqual(outcome.err.count("\n"), 1, outcome)
        self.assertTrue(outcome.err.startswith("cachectl: "), outcome)
        return outcome.err.removeprefix("cachectl: ").rstrip("\n")


def main() -> None:
    global program, probe
    program, probe, *patterns = (os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), *sys.argv[3:])
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*" for pattern in patterns] or None
    tests = loader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    failed = {case.id().split(" ")[0] for case, _ in [*result.failures, *result.errors]}
    print(f"[  PASSED  ] {max(result.testsRun - len(failed), 0)} test(s).")
    if failed:
        print(f"[  FAILED  ] {len(failed)} test(s), listed above.")
    sys.exit(not result.wasSuccessful())
