"""Streams and what ends them: their own end, a count, Ctrl-C, a reader that has gone."""

import json
import os
import signal
import subprocess
from pathlib import Path

import cachectl


class Streams(cachectl.Case):
    def mark(self) -> str:
        return str(self.directory / "mark")

    def marked(self) -> str:
        path = self.directory / "mark"
        return path.read_text() if path.exists() else ""

    def test_items_are_lines_until_the_stream_ends(self) -> None:
        self.assertEqual(self.ok("probe.items", "count=5").out, b"1\n2\n3\n4\n5\n")
        self.assertEqual(self.ok("--json", "probe.items", "count=3").out, b"1\n2\n3\n")
        self.assertEqual(self.ok("--raw", "probe.items", "count=2").out, b"1\n2\n")

    def test_a_count_cancels_the_stream(self) -> None:
        outcome = self.ok("call", "probe.items", f"mark={self.mark()}", "--count", "3")
        self.assertEqual(outcome.out, b"1\n2\n3\n")
        self.assertEqual(self.marked(), "-9")

    def test_what_a_slow_reader_lost_is_told(self) -> None:
        outcome = self.run_cli("--json", "probe.items", "count=200000", "pause_ms=0")
        self.assertEqual(outcome.code, 0)
        items = [int(line) for line in outcome.out.splitlines()]
        lost = sum(json.loads(line)["dropped"] for line in outcome.err.splitlines())
        self.assertEqual(len(items) + lost, 200_000)
        self.assertEqual(items[-1], 200_000)
        self.assertEqual(items, sorted(set(items)))

    def test_control_c_cancels_a_stream_and_ends_the_program_by_that_signal(self) -> None:
        for sent in (signal.SIGINT, signal.SIGTERM):
            process = self.start_cli("probe.items", f"mark={self.mark()}")
            self.assertEqual(self.first_line(process), b"1\n")
            process.send_signal(sent)
            outcome = self.finish(process)
            self.assertEqual((outcome.code, outcome.err), (-sent, ""))
            self.assertEqual(self.marked(), "-9")
            numbers = [int(line) for line in outcome.out.splitlines()]
            self.assertEqual(numbers, list(range(2, 2 + len(numbers))))

    def test_a_signal_that_is_ignored_where_it_was_started_stays_ignored(self) -> None:
        script = 'trap "" INT HUP; exec "$@"'
        words = self.arguments(("probe.items", f"mark={self.mark()}"))
        process = self.start("bash", "-c", script, "bash", *words)
        self.assertEqual(self.first_line(process), b"1\n")
        for sent in (signal.SIGINT, signal.SIGHUP):
            process.send_signal(sent)
        self.assertNotEqual(self.first_line(process), b"")
        self.assertEqual(self.marked(), "")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).code, -signal.SIGTERM)

    def test_control_c_cancels_a_call(self) -> None:
        process = self.start_cli("--timeout-ms", "-1", "--verbose", "probe.hang", f"mark={self.mark()}")
        cachectl.wait_until(lambda: self.waits_for_an_answer(process.pid), "the call is under way")
        process.send_signal(signal.SIGINT)
        outcome = self.finish(process)
        self.assertEqual((outcome.code, outcome.out), (-signal.SIGINT, b""))
        self.assertEqual(self.marked(), "-9")

    def waits_for_an_answer(self, pid: int) -> bool:
        """Whether the program has taken Ctrl-C into its own hands and sleeps."""
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        blocked = int(status["SigBlk"], 16)
        return bool(blocked >> (signal.SIGINT - 1) & 1) and status["State"].startswith("S")

    def test_a_reader_that_has_gone_ends_the_stream(self) -> None:
        process = self.start_cli("probe.items", f"mark={self.mark()}")
        self.assertEqual(self.first_line(process), b"1\n")
        self.assertEqual(self.stop_reading(process), "")
        self.assertEqual(process.returncode, -signal.SIGPIPE)
        self.assertIn(self.marked(), ("-9", "-4"))

    def test_a_reader_that_has_gone_ends_a_silent_stream_at_once(self) -> None:
        process = self.start_cli("probe.items", "pause_ms=1h")
        self.assertEqual(self.first_line(process), b"1\n")
        self.assertEqual(self.stop_reading(process), "")
        self.assertEqual(process.returncode, -signal.SIGPIPE)

    def test_an_answer_nobody_reads_is_no_crash(self) -> None:
        read, write = os.pipe()
        os.close(read)
        outcome = self.finish(self.start_cli("probe.shape", "text", stdout=write))
        os.close(write)
        self.assertEqual((outcome.code, outcome.err), (-signal.SIGPIPE, ""))

    def test_pipefail_with_head_is_as_with_any_program(self) -> None:
        script = 'set -o pipefail; "$@" | head -n 2; echo "${PIPESTATUS[0]}"'
        done = subprocess.run(
            ["bash", "-c", script, "bash", *self.arguments(("probe.items",))],
            capture_output=True,
            timeout=cachectl.PATIENCE,
            env=cachectl.environment(),
        )
        self.assertEqual(done.stdout, b"1\n2\n141\n")
        self.assertEqual(done.stderr, b"")

    def test_published_messages(self) -> None:
        process = self.start_cli("--json", "redis.subscribe", "news", "--count", "2")
        cachectl.wait_until(lambda: self.server.command("PUBLISH", "news", b"\x00\xff") == 1, "somebody listens")
        outcome = self.finish(process)
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertTrue(any("AP8=" in line for line in outcome.text.splitlines()), outcome.text)


if __name__ == "__main__":
    cachectl.main()
