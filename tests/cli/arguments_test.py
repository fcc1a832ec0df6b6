"""Words of the command line as arguments: kinds, files, JSON, fields, items, and what is wrong with them."""

import base64
import json

import cachectl


class Arguments(cachectl.Case):
    def typed(self, *words: str | bytes, stdin: bytes = b"") -> dict[str, object]:
        answer = self.ok_json("probe.typed", *words, stdin=stdin)
        assert isinstance(answer, dict)
        return {name: value for name, value in answer.items() if name != "positive"}

    def wrong(self, *words: str | bytes, stdin: bytes = b"") -> str:
        return self.refused(2, "probe.typed", *words, stdin=stdin)

    def file(self, content: bytes) -> str:
        path = self.directory / "file"
        path.write_bytes(content)
        return str(path)

    # ---- kinds ----

    def test_integers_are_exact_over_all_of_int64(self) -> None:
        for number in (0, -1, 2**53 + 1, 2**63 - 1, -(2**63)):
            self.assertEqual(self.typed(f"integer={number}"), {"integer": number})
            self.assertEqual(self.typed(f"integer:={number}"), {"integer": number})
        self.assertEqual(self.typed("integer=+5"), {"integer": 5})

    def test_an_integer_outside_int64_is_refused_not_rounded(self) -> None:
        for number in (2**63, -(2**63) - 1, 10**30):
            self.assertIn("integer takes INT", self.wrong(f"integer={number}"))
            self.assertIn("integer", self.wrong(f"integer:={number}"))

    def test_what_is_no_integer_is_refused_and_repeated(self) -> None:
        for text in ("five", "5x", "", "1.5", "0x10", "1e3", "--5", "+-5", "true"):
            message = self.wrong(f"integer={text}")
            self.assertIn("probe.typed: integer takes INT", message)
            self.assertIn(f"got '{text}'", message)

    def test_doubles(self) -> None:
        self.assertEqual(self.typed("real=2.5"), {"real": 2.5})
        self.assertEqual(self.typed("real=-1e-3"), {"real": -0.001})
        self.assertIs(type(self.typed("real=2")["real"]), float)
        self.assertIs(type(self.typed("real:=2")["real"]), float)
        for text in ("nan", "inf", "1e999", "2,5"):
            self.assertIn("real takes DOUBLE", self.wrong(f"real={text}"))

    def test_bools(self) -> None:
        for text in ("true", "yes", "on", "1"):
            self.assertEqual(self.typed(f"truth={text}"), {"truth": True})
        for text in ("false", "no", "off", "0"):
            self.assertEqual(self.typed(f"truth={text}"), {"truth": False})
        self.assertIn("truth takes BOOL", self.wrong("truth=maybe"))

    def test_bytes_stay_what_was_typed(self) -> None:
        for text in ("", "007", "true", "null", "{not json", "a=b", "ünïcode", " spaces ", "line\nline"):
            self.assertEqual(self.typed(f"bytes={text}"), {"bytes": text})

    def test_bytes_that_are_not_utf8_arrive_as_they_are(self) -> None:
        self.assertEqual(self.typed(b"bytes=\xff\xfe"), {"bytes": {"$bytes": base64.b64encode(b"\xff\xfe").decode()}})

    def test_a_parameter_of_several_kinds_takes_bytes_first_and_integers_before_doubles(self) -> None:
        self.assertEqual(self.typed("mixed=007"), {"mixed": "007"})
        self.assertEqual(self.typed("mixed:=7"), {"mixed": 7})
        self.assertEqual(self.typed("number=7"), {"number": 7})
        self.assertEqual(self.typed("number=7.5"), {"number": 7.5})

    def test_any_value_is_json_where_it_is_json(self) -> None:
        same: dict[str, object] = {
            "5": 5,
            "-2.5": -2.5,
            "true": True,
            '"5"': "5",
            "[1,null]": [1, None],
            '{"a":{}}': {"a": {}},
        }
        text_itself = {word: word for word in ("plain", "007", "1.2.3", "", "5 apples", str(2**64))}
        for text, value in (same | text_itself).items():
            self.assertEqual(self.typed(f"any={text}"), {"any": value}, text)

    def test_a_fault_in_json_is_said(self) -> None:
        for word in ('any={"a":', "any=[1,2", "any:=plain", 'any:={"a":1} x', "free:=[1]"):
            self.assertIn(f"probe.typed: {word[:3]}", self.wrong(word))

    def test_null_is_absent(self) -> None:
        self.assertEqual(self.typed("integer:=null", "any=null"), {})

    def test_json_of_another_kind_is_refused(self) -> None:
        self.assertIn("integer takes INT", self.wrong('integer:="5"'))
        self.assertIn("list takes LIST", self.wrong('list:={"a":1}'))
        self.assertIn("settings takes MAP", self.wrong("settings=depth"))

    def test_bytes_of_any_value_by_json(self) -> None:
        raw = bytes(range(256))
        text = base64.b64encode(raw).decode()
        values = json.dumps([{"$bytes": text}])
        self.assertEqual(self.ok("--raw", "probe.needs", "key=k", f"values:={values}").out, b"k\n" + raw + b"\n")

    def test_durations_take_units(self) -> None:
        durations = {"250": 250, "250ms": 250, "3s": 3000, "2m": 120_000, "1h": 3_600_000, "1d": 86_400_000, "-1": -1}
        for text, ms in durations.items():
            self.assertEqual(self.typed(f"duration={text}"), {"duration": ms})
        for text in ("3 weeks", "s", "1.5s", f"{2**62}s"):
            self.assertIn("duration takes INT", self.wrong(f"duration={text}"))

    def test_timestamps_take_utc_times(self) -> None:
        self.assertEqual(self.typed("timestamp=1970-01-02T00:00:01Z"), {"timestamp": 86_401_000})
        self.assertEqual(self.typed("timestamp=86401000"), {"timestamp": 86_401_000})
        self.assertIn("timestamp takes INT", self.wrong("timestamp=1970-01-02T00:00:01"))
        self.assertIn("timestamp takes INT", self.wrong("timestamp=2031-02-30T00:00:00Z"))

    def test_the_value_of_a_secret_parameter_is_never_repeated(self) -> None:
        message = self.wrong("pin=hunter2")
        self.assertIn("pin takes INT", message)
        self.assertNotIn("hunter2", message)

    def test_a_default_is_filled_in_and_a_minimum_kept(self) -> None:
        self.assertEqual(self.ok_json("probe.typed"), {"positive": 7})
        self.assertIn("positive", self.wrong("positive=0"))

    # ---- lists and maps ----

    def test_a_list_by_items_json_and_rest_of_the_words(self) -> None:
        self.assertEqual(self.typed("list=a", "list=b=c"), {"list": ["a", "b=c"]})
        self.assertEqual(self.typed("list=[1,2]"), {"list": [1, 2]})
        self.assertEqual(self.typed("list:=[]"), {"list": []})
        self.assertEqual(self.ok_json("probe.needs", "k", "a", "b", "5"), ["k", ["a", "b", "5"]])
        self.assertEqual(self.ok_json("probe.needs", "k", '["a"]'), ["k", ["a"]])
        self.assertEqual(self.ok_json("probe.needs", "k", "a", "[b"), ["k", ["a", "[b"]])

    def test_a_list_as_a_whole_and_by_items_is_refused(self) -> None:
        self.assertIn("as a whole and by items", self.wrong("list:=[1]", "list=b"))

    def test_fields_of_a_map(self) -> None:
        self.assertEqual(self.typed("settings.depth=3", "settings.label=x"), {"settings": {"depth": 3, "label": "x"}})
        self.assertEqual(self.typed('settings={"depth":3}'), {"settings": {"depth": 3}})
        self.assertEqual(self.typed("free.a.b=007", "free.n:=5"), {"free": {"a.b": "007", "n": 5}})

    def test_wrong_fields(self) -> None:
        self.assertIn("(did you mean 'depth'?)", self.wrong("settings.depht=3"))
        self.assertIn("settings.depth takes INT", self.wrong("settings.depth=deep"))
        self.assertIn("no fields", self.wrong("integer.a=3"))
        self.assertIn("more than once", self.wrong("settings.depth=3", "settings.depth=4"))
        self.assertIn("as a whole and by fields", self.wrong("settings:={}", "settings.depth=4"))

    # ---- names, order, and words as they are ----

    def test_unknown_parameter_names_the_nearest(self) -> None:
        message = self.wrong("intger=5")
        self.assertIn("no parameter 'intger' (did you mean 'integer'?)", message)
        self.assertIn("put -- before it", message)

    def test_a_parameter_twice_is_refused(self) -> None:
        self.assertIn("integer is given more than once", self.wrong("integer=5", "integer=6"))
        self.assertIn("integer is given more than once", self.wrong("5", "integer=6"))

    def test_missing_parameters_are_named_with_the_way_to_call(self) -> None:
        message = self.refused(2, "probe.needs")
        self.assertIn("probe.needs needs key and values", message)
        self.assertIn("cachectl probe.needs key=KEY values=ITEM ...", message)
        self.assertIn("needs values", self.refused(2, "probe.needs", "k"))

    def test_too_many_words_are_refused(self) -> None:
        self.assertIn("no parameter for 'more'", self.refused(2, "probe.shape", "nil", "more"))

    def test_positional_words_fill_what_is_not_named(self) -> None:
        self.assertEqual(self.ok_json("probe.needs", "values=v", "k"), ["k", ["v"]])
        self.assertEqual(self.typed("5", "2.5", "bytes=x"), {"integer": 5, "real": 2.5, "bytes": "x"})
        self.assertEqual(self.typed("-5", "-2.5"), {"integer": -5, "real": -2.5})

    def test_behind_two_dashes_words_are_taken_as_they_are(self) -> None:
        self.assertEqual(
            self.ok_json("probe.needs", "--", "key=k", "@file", "-", "--json", "[1]"),
            ["key=k", ["@file", "-", "--json", "[1]"]],
        )

    def test_a_word_like_a_name_is_no_name_when_it_cannot_be_one(self) -> None:
        self.assertEqual(self.ok_json("probe.needs", "http://x/?a=b", "=", "1=2"), ["http://x/?a=b", ["=", "1=2"]])

    # ---- files and standard input ----

    def test_a_file_arrives_byte_for_byte(self) -> None:
        raw = b"\x00\xff\r\n@-\n"
        answer = self.typed(f"bytes=@{self.file(raw)}")
        self.assertEqual(answer, {"bytes": {"$bytes": base64.b64encode(raw).decode()}})

    def test_numbers_and_json_from_files_may_end_with_a_newline(self) -> None:
        path = self.file(b"41\n")
        self.assertEqual(self.typed(f"integer=@{path}"), {"integer": 41})
        self.assertEqual(self.typed(f"any:=@{path}"), {"any": 41})

    def test_standard_input(self) -> None:
        for word in ("bytes=-", "bytes=@-"):
            self.assertEqual(self.typed(word, stdin=b"a\n"), {"bytes": "a\n"})
        self.assertEqual(self.typed("any:=-", stdin=b'{"a":[1]}\n'), {"any": {"a": [1]}})
        self.assertEqual(self.ok_json("probe.needs", "-", "x", stdin=b"k"), ["k", ["x"]])

    def test_standard_input_serves_one_value(self) -> None:
        self.assertIn("one value only", self.wrong("bytes=-", "any=-", stdin=b"x"))

    def test_files_that_cannot_be_read_are_named(self) -> None:
        missing = str(self.directory / "missing")
        message = self.wrong(f"bytes=@{missing}")
        self.assertIn(missing, message)
        self.assertIn("No such file", message)
        self.assertIn("Is a directory", self.wrong(f"bytes=@{self.directory}"))
        self.assertIn("needs the name of a file", self.wrong("bytes=@"))


if __name__ == "__main__":
    cachectl.main()
