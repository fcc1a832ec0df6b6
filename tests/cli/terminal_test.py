"""What a person at a terminal sees: width, colours, and questions without echo."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import cachectl

ESCAPE = b"\x1b["
KEY = {"CACHECORE_SECRET_KEY": "00" * 32}


class Terminal(cachectl.Case):
    def open(self, columns: int = 60) -> tuple[int, int]:
        """Both ends of a terminal; the second is the program's."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.addCleanup(os.close, ours)
        return ours, theirs

    def start_on(self, theirs: int, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """The program with the terminal as its own, so that it may ask and Ctrl-C reaches it."""

        def take_terminal() -> None:
            cachectl.die_with_parent()
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        process = subprocess.Popen(
            [cachectl.program, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=cachectl.environment(**(env or {})),
            preexec_fn=take_terminal,
        )
        self.addCleanup(self._end, process)
        os.close(theirs)
        return process

    def read_until(self, ours: int, part: bytes | None) -> bytes:
        """What is written until `part` appears, or until the other end is closed."""
        seen = b""
        end = time.monotonic() + cachectl.PATIENCE
        while part is None or part not in seen:
            self.assertLess(time.monotonic(), end, f"waited in vain for {part!r}, saw {seen!r}")
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                block = os.read(ours, 65536)
            except OSError:
                block = b""
            if not block:
                self.assertIsNone(part, f"ended without {part!r}, saw {seen!r}")
                return seen
            seen += block
        return seen

    def shown(self, *words: str, columns: int = 60, **env: str) -> bytes:
        ours, theirs = self.open(columns)
        process = self.start_on(theirs, "--url", self.server.url, "--plugin", cachectl.probe, *words, env=env)
        seen = self.read_until(ours, None)
        process.wait(cachectl.PATIENCE)
        return seen.replace(b"\r\n", b"\n")

    def test_colours_on_a_terminal_only_and_not_when_they_are_not_wanted(self) -> None:
        self.assertIn(ESCAPE, self.shown("probe.shape", "records"))
        self.assertIn(ESCAPE, self.shown("nonsense"))
        self.assertNotIn(ESCAPE, self.shown("probe.shape", "records", NO_COLOR="1"))
        self.assertNotIn(ESCAPE, self.shown("probe.shape", "records", TERM="dumb"))
        self.assertNotIn(ESCAPE, self.shown("--json", "probe.shape", "records"))

    def test_a_table_fits_the_terminal(self) -> None:
        for columns in (40, 60):
            lines = self.shown("methods", columns=columns, NO_COLOR="1").decode().splitlines()
            self.assertGreater(len(lines), 6)
            self.assertLessEqual(max(map(len, lines)), columns)

    def test_a_long_text_is_cut_with_a_word_about_it(self) -> None:
        self.server.command("SET", "k", "x" * 100_000)
        seen = self.shown("get", "k", NO_COLOR="1")
        self.assertLess(len(seen), 20_000)
        self.assertIn(b"more bytes; --raw or a pipe shows all", seen)
        self.assertEqual(self.shown("--raw", "get", "k"), b"x" * 100_000)

    def test_bytes_of_the_server_do_not_steer_the_terminal(self) -> None:
        self.assertEqual(self.shown("probe.shape", "escape", NO_COLOR="1"), b"\\x1b[31mred\n")

    def test_a_secret_is_asked_for_twice_without_echo(self) -> None:
        ours, theirs = self.open()
        process = self.start_on(theirs, "encrypt", env=KEY)
        seen = self.read_until(ours, b"Secret: ")
        os.write(ours, b"hunter2\n")
        seen += self.read_until(ours, b"again: ")
        os.write(ours, b"hunter2\n")
        seen += self.read_until(ours, None)
        self.assertEqual(process.wait(cachectl.PATIENCE), 0, seen)
        self.assertNotIn(b"hunter2", seen)
        self.assertIn(b"ENC(", seen)

    def test_two_different_secrets_are_refused(self) -> None:
        ours, theirs = self.open()
        process = self.start_on(theirs, "encrypt", env=KEY)
        self.read_until(ours, b"Secret: ")
        os.write(ours, b"hunter2\n")
        self.read_until(ours, b"again: ")
        os.write(ours, b"hunter3\n")
        self.assertIn(b"differ", self.read_until(ours, None))
        self.assertEqual(process.wait(cachectl.PATIENCE), 2)

    def test_control_c_at_the_question_puts_the_echo_back(self) -> None:
        ours, theirs = self.open()
        kept = os.dup(theirs)
        self.addCleanup(os.close, kept)
        process = self.start_on(theirs, "encrypt", env=KEY)
        self.read_until(ours, b"Secret: ")
        cachectl.wait_until(lambda: not self.echoes(kept), "the echo is off")
        os.write(ours, b"\x03")
        self.assertEqual(process.wait(cachectl.PATIENCE), -signal.SIGINT)
        self.assertTrue(self.echoes(kept))

    def echoes(self, terminal: int) -> bool:
        return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


if __name__ == "__main__":
    cachectl.main()
