"""What is written: for people, as JSON, as bytes; and what an error looks like."""

import json

import cachectl

BINARY = b"\x00\xffa\x1b[31m\n"


class Human(cachectl.Case):
    def shape(self, name: str) -> str:
        return self.ok("probe.shape", name).text

    def test_scalars(self) -> None:
        self.assertEqual(self.shape("nil"), "ok\n")
        self.assertEqual(self.shape("true"), "true\n")
        self.assertEqual(self.shape("least"), f"{-(2**63)}\n")
        self.assertEqual(self.shape("real"), "0.1\n")
        self.assertEqual(self.shape("nan"), "nan\n")

    def test_text_is_written_as_it_is(self) -> None:
        self.assertEqual(self.shape("text"), "grüße\tdich\nzweite Zeile\n")

    def test_what_is_not_printable_is_escaped(self) -> None:
        self.assertEqual(self.shape("binary"), "\\x00\\xffa\\x1b[31m\\n\n")

    def test_a_server_cannot_steer_the_terminal(self) -> None:
        for name in ("escape", "binary", "records"):
            self.assertNotIn("\x1b", self.shape(name))

    def test_a_list_has_one_item_a_line(self) -> None:
        self.assertEqual(self.shape("list"), "a\\nb\n5\nnil\nerror REJECTED: WRONGTYPE not a list\n")
        self.assertEqual(self.shape("empty"), "")

    def test_records_are_a_table_over_all_their_keys(self) -> None:
        self.assertEqual(
            self.shape("records").splitlines(),
            ["name    size  note", "first      5", "zwölf  12345  \\x00\\xff"],
        )

    def test_a_map_within_a_map_is_set_off(self) -> None:
        self.assertEqual(
            self.shape("nested").splitlines(),
            ["name  outer", "inner", "  depth  1", "  rows", "    column", "    false", "last  [x, 2.5]"],
        )

    def test_a_wide_cell_does_not_make_every_row_wide(self) -> None:
        text = self.ok("probe.typed", "bytes=" + "w" * 5000, "integer=1").text
        self.assertLess(max(map(len, text.splitlines())), 200)
        self.assertIn("…", text)

    def test_a_long_text_is_whole_in_a_pipe(self) -> None:
        self.ok("set", "k", "-", stdin=b"x" * 300_000)
        self.assertEqual(self.ok("get", "k").out, b"x" * 300_000 + b"\n")


class Raw(cachectl.Case):
    def test_bytes_are_written_as_they_are(self) -> None:
        self.assertEqual(self.ok("--raw", "probe.shape", "binary").out, BINARY)

    def test_a_million_bytes_there_and_back(self) -> None:
        raw = bytes(range(256)) * 4096
        self.ok("set", "k", "-", stdin=raw)
        self.assertEqual(self.ok("--raw", "get", "k").out, raw)
        self.assertEqual(self.server.command("GET", "k"), raw)

    def test_other_scalars_and_containers_are_lines(self) -> None:
        self.assertEqual(self.ok("--raw", "probe.shape", "least").out, b"-9223372036854775808\n")
        self.assertEqual(self.ok("--raw", "probe.shape", "nil").out, b"")
        self.assertEqual(
            self.ok("--raw", "probe.shape", "list").out, b"a\nb\n5\n\nerror REJECTED: WRONGTYPE not a list\n"
        )


class Json(cachectl.Case):
    def test_values(self) -> None:
        for name, value in {
            "nil": None,
            "true": True,
            "least": -(2**63),
            "real": 0.1,
            "binary": {"$bytes": "AP9hG1szMW0K"},
            "text": "grüße\tdich\nzweite Zeile",
            "empty": [],
            "list": ["a\nb", 5, None, {"$error": {"status": "REJECTED", "message": "WRONGTYPE not a list"}}],
            "records": [{"name": "first", "size": 5}, {"name": "zwölf", "size": 12345, "note": {"$bytes": "AP8="}}],
            "nested": {"name": "outer", "inner": {"depth": 1, "rows": [{"column": False}]}, "last": ["x", 2.5]},
        }.items():
            self.assertEqual(self.ok_json("probe.shape", name), value, name)

    def test_json_that_was_read_can_be_given_back(self) -> None:
        line = self.ok("--json", "probe.shape", "binary").text
        self.assertEqual(self.ok("--raw", "probe.needs", "key=k", f"values:=[{line}]").out, b"k\n" + BINARY + b"\n")

    def test_an_answer_that_json_cannot_hold_is_an_error_not_a_null(self) -> None:
        outcome = self.run_cli("--json", "probe.shape", "nan")
        self.assertEqual((outcome.code, outcome.out), (5, b""))
        self.assertIn("cannot be written as JSON", outcome.error["message"])

    def test_errors_are_one_object_on_stderr(self) -> None:
        outcome = self.run_cli("--json", "probe.fail", "-12", "message=WRONG")
        self.assertEqual((outcome.code, outcome.out), (4, b""))
        self.assertEqual(sorted(outcome.error), ["message", "server_code", "status"])
        self.assertEqual((outcome.error["status"], outcome.error["server_code"]), ("REJECTED", ""))

    def test_the_code_of_the_servers_error_is_told(self) -> None:
        self.server.command("RPUSH", "k", "v")
        outcome = self.run_cli("--json", "get", "k")
        self.assertEqual(outcome.code, 4)
        self.assertEqual((outcome.error["status"], outcome.error["server_code"]), ("REJECTED", "WRONGTYPE"))

    def test_errors_of_the_command_line_too_wherever_json_stands(self) -> None:
        for words in (["--json", "--nonsense"], ["--nonsense", "--json"], ["nonsense", "--json"]):
            outcome = self.run_bare(*words)
            self.assertEqual((outcome.code, outcome.out), (2, b""))
            self.assertEqual(outcome.error["status"], "INVALID_ARGUMENT")

    def test_not_found_is_null(self) -> None:
        outcome = self.run_cli("--json", "get", "nothing")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (1, b"null\n", ""))

    def test_the_log_is_kept_from_stderr_unless_it_is_asked_for(self) -> None:
        outcome = self.run_cli("--json", "--verbose", "probe.fail", "-12", "message=x")
        *log, error = map(json.loads, outcome.err.splitlines())
        self.assertEqual(error["status"], "REJECTED")
        self.assertTrue(any(line["level"] == "warning" and "about to fail" in line["log"] for line in log), log)
        self.assertIn("cachectl: warning: ", self.run_cli("probe.fail", "-12", "message=x").err)


class ExitCodes(cachectl.Case):
    def test_every_status_has_its_documented_code(self) -> None:
        by_code = {1: [1], 2: [-1, -5, -6], 3: [-8, -10], 4: [-12, -13, -14, -15]}
        by_code[5] = [-2, -3, -4, -7, -9, -11, -16, -17, -18, -19]
        for status, code in ((status, code) for code, statuses in by_code.items() for status in statuses):
            words = ["probe.fail", str(status)] + ([] if status > 0 else ["message=reason"])
            outcome = self.run_cli(*words)
            self.assertEqual((outcome.code, outcome.out), (code, b""), (status, outcome))
            self.assertIn("not found" if status > 0 else "reason", outcome.err)

    def test_a_full_disk_is_not_success(self) -> None:
        with open("/dev/full", "wb") as full:
            outcome = self.finish(self.start_cli("probe.shape", "text", stdout=full.fileno()))
        self.assertEqual(outcome.code, 5)
        self.assertIn("No space left on device", outcome.err)

    def test_no_server_is_3_and_quick_to_tell(self) -> None:
        outcome = self.run_bare("--url", f"unix://{self.directory}/nobody.sock", "--timeout-ms", "3000", "get", "k")
        self.assertEqual((outcome.code, outcome.out), (3, b""))
        self.assertIn("nobody.sock", outcome.err)

    def test_a_deadline_is_3(self) -> None:
        outcome = self.run_cli("--json", "--timeout-ms", "50", "probe.hang")
        self.assertEqual((outcome.code, outcome.error["status"]), (3, "TIMEOUT"))


if __name__ == "__main__":
    cachectl.main()
