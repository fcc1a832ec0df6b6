"""Every command, the options, and what is said about wrong ones."""

import json
import os
import shutil
import subprocess

import cachectl


class Keys(cachectl.Case):
    def test_set_get_delete(self) -> None:
        self.ok("set", "user:1", "hello")
        self.assertEqual(self.server.command("GET", "user:1"), b"hello")
        self.assertEqual(self.ok("get", "user:1").out, b"hello\n")
        self.ok("delete", "user:1")
        self.assertEqual(self.server.command("EXISTS", "user:1"), 0)

    def test_get_of_nothing_is_1_and_says_so_on_stderr(self) -> None:
        outcome = self.run_cli("get", "nothing")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (1, b"", "cachectl: kv.get: not found\n"))

    def test_a_lifetime(self) -> None:
        self.ok("set", "k", "v", "--ttl-ms", "60000")
        self.assertGreater(self.server.command("PTTL", "k"), 50_000)
        self.ok("set", "k", "v", "--ttl-ms=1h")
        self.assertGreater(self.server.command("PTTL", "k"), 3_000_000)
        self.ok("set", "k", "v")
        self.assertEqual(self.server.command("PTTL", "k"), -1)
        self.assertIn("ttl_ms", self.refused(2, "set", "k", "v", "--ttl-ms", "soon"))
        self.assertIn("ttl_ms", self.refused(2, "set", "k", "v", "--ttl-ms", "-5"))

    def test_keys_and_values_are_taken_as_they_are(self) -> None:
        for key, value in (("key=x", "value=y"), ("a b", "[1]"), ("@k", "007"), ("ключ", "\n"), ("-", "{")):
            self.ok("set", key, value)
            self.assertEqual(self.server.command("GET", key), value.encode())
            self.assertEqual(self.ok("--raw", "get", key).out, value.encode())
        self.ok("set", "--", "-k", "--json")
        self.assertEqual(self.server.command("GET", "-k"), b"--json")
        self.ok("set", "--", "k", "@file")
        self.assertEqual(self.server.command("GET", "k"), b"@file")

    def test_values_with_nul_and_any_bytes_from_file_and_standard_input(self) -> None:
        raw = b"\x00\xff\r\n\x00"
        (self.directory / "value").write_bytes(raw)
        self.ok("set", "a", f"@{self.directory}/value")
        self.ok("set", "b", "-", stdin=raw)
        for key in ("a", "b"):
            self.assertEqual(self.server.command("GET", key), raw)
            self.assertEqual(self.ok("--raw", "get", key).out, raw)
            self.assertEqual(self.ok_json("get", key), {"$bytes": "AP8NCgA="})

    def test_delete_of_several(self) -> None:
        for key in "abc":
            self.server.command("SET", key, "v")
        self.ok("delete", "a", "b", "nothing")
        self.assertEqual(self.server.command("KEYS", "*"), [b"c"])

    def test_a_key_that_cannot_be_is_refused_before_the_server_sees_it(self) -> None:
        for key in ("", "a\nb", "k" * 70_000):
            self.assertIn("key", self.refused(2, "get", key))

    def test_too_few_and_too_many_words(self) -> None:
        for words in (["get"], ["get", "a", "b"], ["set", "a"], ["set", "a", "b", "c"], ["delete"], ["ping", "x"]):
            message = self.refused(2, *words)
            self.assertIn("called as: cachectl " + words[0], message)

    def test_what_is_missing_or_too_much_is_named(self) -> None:
        for words, fault in (
            (["get"], "get needs KEY;"),
            (["get", "a", "b"], "get takes 1 word, got 2;"),
            (["set"], "set needs KEY VALUE;"),
            (["set", "a"], "set needs VALUE;"),
            (["set", "a", "b", "c", "d"], "set takes 2 words, got 4;"),
            (["ping", "x"], "ping takes no words;"),
        ):
            self.assertIn(fault, self.refused(2, *words))


class Calls(cachectl.Case):
    def test_a_method_by_its_name_alone_or_with_call(self) -> None:
        self.ok("kv.set", "key=user:1", "value=hello", "ttl_ms=5s")
        self.assertTrue(0 < self.server.command("PTTL", "user:1") <= 5000)
        self.assertEqual(self.ok("call", "kv.get", "user:1").out, b"hello\n")
        self.assertEqual(self.ok_json("kv.get", "key=user:1"), "hello")

    def test_json_values_survive_the_server(self) -> None:
        value = {"n": 2**63 - 1, "least": -(2**63), "f": 1.5, "t": "ü", "l": [None, True], "b": {"$bytes": "AP8="}}
        self.ok("kv.set_json", "key=k", "value:=" + json.dumps(value))
        self.assertEqual(self.ok_json("kv.get_json", "k"), value)

    def test_commands_of_the_server(self) -> None:
        self.ok("redis.command", "SET", "k", "v")
        self.assertEqual(self.ok("redis.command", "GET", "k").out, b"v\n")
        self.assertEqual(self.ok_json("redis.command", "--", "MGET", "k", "-"), ["v", None])

    def test_an_unknown_method_names_the_nearest(self) -> None:
        for words in (["kv.gte", "k"], ["call", "kv.gte", "k"]):
            outcome = self.run_cli("--json", *words)
            self.assertEqual((outcome.code, outcome.error["status"]), (2, "NO_METHOD"))
            self.assertIn("kv.get", outcome.error["message"])

    def test_a_plugin_that_is_not_loaded_is_named_with_the_option_that_loads_it(self) -> None:
        message = self.refused(2, "nowhere.get", "k")
        for part in ("nowhere.get", "the plugin nowhere is not loaded", "CACHECORE_PLUGIN_PATH", "--plugin nowhere"):
            self.assertIn(part, message)
        for words in (["describe", "nowhere"], ["help", "nowhere.get"], ["methods", "nowhere"]):
            self.assertIn("--plugin NAME", self.refused(2, *words))

    def test_the_servers_error_is_4_with_its_words(self) -> None:
        self.server.command("RPUSH", "k", "v")
        self.assertIn("WRONGTYPE", self.refused(4, "get", "k"))


class Descriptions(cachectl.Case):
    def test_ping(self) -> None:
        self.assertIn("PONG", self.ok("ping").text)

    def test_plugins(self) -> None:
        rows = {row["name"]: row for row in self.ok_json("plugins")}
        self.assertEqual(
            (rows["probe"]["version"], rows["probe"]["methods"], rows["probe"]["path"]), ("1.2.3", 6, cachectl.probe)
        )
        self.assertIn("kv", rows)
        self.assertIn("probe", self.ok("plugins").text)

    def test_methods(self) -> None:
        rows = {row["method"]: row for row in self.ok_json("methods")}
        self.assertEqual(rows["probe.needs"]["parameters"], "key=KEY values=ITEM ...")
        self.assertEqual(rows["probe.typed"]["does"], "Answers with its arguments.")
        self.assertIn("kv.get", rows)
        self.assertEqual(
            [row["method"] for row in self.ok_json("methods", "probe")],
            [f"probe.{name}" for name in ("typed", "needs", "fail", "shape", "items", "hang")],
        )
        self.assertIn("did you mean 'probe'?", self.refused(2, "methods", "prob"))

    def test_a_default_that_is_nothing_is_not_shown(self) -> None:
        page = " ".join(self.ok("help", "cache.fail").text.split())
        self.assertIn("message BYTES, optional", page)
        page = " ".join(self.ok("help", "cache.lookup").text.split())
        self.assertIn("default 30000", page)

    def test_describe(self) -> None:
        everything = self.ok_json("describe")
        self.assertEqual(sorted(everything), ["abi", "plugins", "version"])
        plugin = self.ok_json("describe", "probe")
        self.assertEqual(len(plugin["methods"]), 6)
        method = self.ok_json("describe", "probe.needs")
        self.assertEqual([one["name"] for one in method["parameters"]], ["key", "values"])
        self.assertIn("probe.needs", self.ok("describe").text)
        self.assertIn("What the tests", self.ok("describe", "probe").text)
        self.assertIn("did you mean 'probe.needs'?", self.refused(2, "describe", "probe.need"))

    def test_help_of_a_method_tells_all_its_description_says(self) -> None:
        parts = ["Answers with its arguments. Every kind is there.", "[integer=INT]", "The integer.", "at least 1"]
        parts += ["default 7", "settings.depth", "INT or DOUBLE", "any value", "duration", "read_only", "secret"]
        text = self.ok("help", "probe.typed").text
        for part in parts:
            self.assertIn(part, text)
        for words in (["probe.typed", "--help"], ["describe", "probe.typed"], ["call", "probe.typed", "-h"]):
            self.assertEqual(self.ok(*words).text, text)
        self.assertIn("streaming", self.ok("help", "probe.items").text)

    def test_help_and_version_need_no_server(self) -> None:
        overview = self.run_bare("help")
        self.assertEqual((overview.code, overview.err), (0, ""))
        self.assertEqual(self.run_bare("--help").out, overview.out)
        names = "call get set delete ping plugins methods describe encrypt simulate completion version"
        for name in names.split():
            self.assertIn(f"\n  {name} ", overview.text)
            page = self.run_bare("help", name)
            self.assertEqual((page.code, page.err), (0, ""))
            self.assertIn(f"cachectl [OPTION ...] {name}", page.text)
            self.assertEqual(self.run_bare(name, "--help").out, page.out)
        for line in ("Exit codes", "  1  not found", "  3  no server", "--json"):
            self.assertIn(line, overview.text)
        self.assertIn("did you mean 'describe'?", self.run_bare("help", "descrbe").err)
        version = self.run_bare("version")
        self.assertRegex(version.text, r"^cachectl \d+\.\d+\.\d+ \(libcachecore \d+\.\d+\.\d+\)\n$")
        self.assertEqual(self.run_bare("--version").out, version.out)
        self.assertEqual(sorted(self.run_bare("version", "--json").value), ["cachectl", "libcachecore"])


class Options(cachectl.Case):
    def bare_refused(self, *words: str) -> str:
        outcome = self.run_bare(*words)
        self.assertEqual((outcome.code, outcome.out), (2, b""), outcome)
        return outcome.err

    def test_wrong_command_lines_are_explained(self) -> None:
        for words, part in {
            (): "cachectl help",
            ("plugns",): "did you mean 'plugins'?",
            ("--jsn", "ping"): "did you mean '--json'?",
            ("ping", "--jsn"): "did you mean '--json'?",
            ("-x", "ping"): "no option '-x'",
            ("--ttl-ms", "5", "set", "k", "v"): "belongs to the command set",
            ("--url",): "--url needs a value",
            ("--url=", "ping"): "--url is empty",
            ("--json=yes", "ping"): "--json takes no value",
            ("--json", "--raw", "ping"): "exclude each other",
            ("--url", "a", "--url", "b", "ping"): "--url is given more than once",
            ("--timeout-ms", "0", "ping"): "--timeout-ms takes",
            ("--timeout-ms", "5s", "ping"): "--timeout-ms takes",
            ("probe.items", "--count", "0"): "--count takes",
            ("kv.set", "k", "v", "--ttl-ms", "5"): "parameters are written NAME=VALUE",
            ("completion", "fish"): "cachectl completion bash",
        }.items():
            self.assertIn(part, self.bare_refused(*words))

    def test_a_configuration_that_is_wrong_names_the_fault(self) -> None:
        self.assertIn("carrier", self.bare_refused("--url", "carrier://pigeon", "ping"))
        self.assertIn("max_conections", self.bare_refused("--config-json", '{"max_conections": 1}', "ping"))
        self.assertIn("missing.json", self.bare_refused("--config", f"{self.directory}/missing.json", "ping"))

    def test_configuration_from_text_file_and_environment(self) -> None:
        text = json.dumps({"url": self.server.url, "key_prefix": "app:"})
        (self.directory / "config.json").write_text(text)
        for words, env, prefix in (
            (["--config-json", text], {}, "app:"),
            (["--config", f"{self.directory}/config.json"], {}, "app:"),
            ([], {"CACHECORE_URL": self.server.url}, ""),
            (["--config-json", text, "--key-prefix", "other:"], {}, "other:"),
        ):
            self.server.command("FLUSHALL")
            outcome = self.run_bare(*words, "set", "k", "v", env=env)
            self.assertEqual((outcome.code, outcome.err), (0, ""))
            self.assertEqual(self.server.command("KEYS", "*"), [f"{prefix}k".encode()])

    def test_a_count_for_what_is_no_stream_is_refused(self) -> None:
        self.assertIn("--count is for streams", self.refused(2, "probe.shape", "nil", "--count", "1"))

    def test_options_stand_anywhere_before_two_dashes(self) -> None:
        self.server.command("SET", "k", "v")
        for words in (["get", "k", "--json"], ["get", "--json", "k"], ["--json", "get", "k"]):
            self.assertEqual(self.ok(*words).out, b'"v"\n')

    def test_plugins_by_relative_path_name_and_search_path(self) -> None:
        shutil.copy(cachectl.probe, self.directory)
        directory, name = os.path.split(cachectl.probe)
        bare = [cachectl.program, "--url", self.server.url]
        for words in (["--plugin", f"./{name}"], ["--plugin-path", ".", "--plugin", "probe"]):
            done = subprocess.run(
                [*bare, *words, "probe.shape", "true"],
                cwd=self.directory,
                env=cachectl.environment(),
                capture_output=True,
                timeout=cachectl.PATIENCE,
            )
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"true\n", b""))

    def test_a_plugin_that_is_not_there_or_is_none_is_2_or_5(self) -> None:
        message = self.refused(2, "--plugin", f"{self.directory}/cachecore_absent.so", "ping")
        self.assertIn("cachecore_absent.so", message)
        self.assertIn("absent", self.refused(2, "--plugin", "absent", "ping"))


if __name__ == "__main__":
    cachectl.main()
