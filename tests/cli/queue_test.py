"""cachectl queue: list, inspect, retry, drain, tail."""

import json
from typing import Any

import cachectl


class Queue(cachectl.Case):
    def setUp(self) -> None:
        super().setUp()
        for payload in ("a", "b", "c"):
            self.ok("queue.push", "mails", payload)

    def read(self, *words: str) -> Any:
        return json.loads(self.ok("--json", *words).out)

    def test_list_shows_every_queue(self) -> None:
        self.ok("queue.push", "other", "x")
        rows = self.read("queue", "list")
        self.assertEqual([(row["queue"], row["ready"]) for row in rows], [("mails", 3), ("other", 1)])
        self.assertEqual([row["queue"] for row in self.read("queue")], ["mails", "other"])

    def test_inspect_shows_counts_jobs_and_one_job(self) -> None:
        counts = self.read("queue", "inspect", "mails")
        self.assertEqual(counts["ready"], 3)
        jobs = self.read("queue", "inspect", "mails", "--state", "ready", "--count", "2")
        self.assertEqual([job["payload"] for job in jobs], ["a", "b"])
        self.assertEqual(self.read("queue", "inspect", "mails", jobs[0]["id"]), jobs[0])
        self.assertEqual(self.run_cli("queue", "inspect", "mails", "nobody").code, 1)

    def test_retry_makes_dead_jobs_ready(self) -> None:
        claimed = self.read("queue.claim", "mails", "2", "renew=false")
        for job in claimed:
            self.ok("queue.fail", "--", job["job"], "no", "-1")
        self.assertEqual(self.read("queue", "retry", "mails", claimed[0]["id"]), 1)
        self.assertEqual(self.read("queue", "retry", "mails"), 1)

    def test_drain_removes_what_has_not_begun(self) -> None:
        self.assertEqual(self.read("queue", "drain", "mails"), 3)
        self.assertEqual(self.read("queue", "drain", "mails"), 0)

    def test_tail_tells_what_happens(self) -> None:
        with self.start_cli("--json", "queue", "tail", "mails", "--count", "2") as tail:
            assert tail.stdout is not None
            self.assertEqual(json.loads(tail.stdout.readline())["event"], "listening")
            self.ok("queue.push", "mails", "d")
            self.assertEqual(json.loads(tail.stdout.readline())["event"], "pushed")
            self.assertEqual(tail.wait(cachectl.PATIENCE), 0)

    def test_other_words_are_refused(self) -> None:
        outcome = self.run_cli("queue", "dance")
        self.assertEqual(outcome.code, 2)
        self.assertIn("tail QUEUE", outcome.err)


cachectl.main()
