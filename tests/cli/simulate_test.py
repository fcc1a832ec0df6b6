"""simulate: what is answered in each format, and how mistakes are named."""

import json
import random
import struct

import cachectl


class Simulate(cachectl.Case):
    def simulate(self, *words: str, stdin: bytes = b"") -> cachectl.Outcome:
        return self.run_bare("simulate", *words, stdin=stdin)

    def write(self, name: str, content: bytes) -> str:
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def refused(self, message: str, *words: str, stdin: bytes = b"") -> None:
        outcome = self.simulate(*words, stdin=stdin)
        self.assertEqual((outcome.code, outcome.text), (2, ""))
        self.assertIn(message, outcome.err)

    def test_ids_are_counted_in_objects_and_every_policy_answers(self) -> None:
        dice = random.Random(1)
        ids = [int(dice.paretovariate(0.8)) % 5000 for _ in range(20000)]
        trace = self.write("ids", "".join(f"{each}\n" for each in ids).encode())
        outcome = self.simulate("--trace", trace, "--format", "ids", "--capacity", "10,1k", "--policy", "all", "--json")
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        rows = json.loads(outcome.text)
        names = ["l1", "lru", "lfu", "sieve", "s3fifo"]
        self.assertEqual([(row["policy"], row["capacity"]) for row in rows], [(n, c) for n in names for c in (10, 1000)])
        for row in rows:
            self.assertEqual(
                list(row), ["policy", "capacity", "requests", "hits", "hit_ratio", "byte_hit_ratio"]
            )
            self.assertEqual(row["requests"], len(ids))
            self.assertEqual(row["hit_ratio"], row["hits"] / len(ids))
            self.assertEqual(row["byte_hit_ratio"], row["hit_ratio"])
        lru: list[int] = []
        hits = 0
        for each in ids:
            if each in lru:
                hits += 1
                lru.remove(each)
            lru = (lru + [each])[-10:]
        self.assertEqual(rows[2]["hits"], hits)

    def test_sizes_count_in_bytes(self) -> None:
        records = b"".join(struct.pack("<IQIq", 1, each, 1000 if each == 1 else 10, -1) for each in [1, 2, 2, 1, 2])
        outcome = self.simulate(
            "--trace", self.write("trace", records), "--format", "oracleGeneral", "--capacity", "100,64KiB", "--json"
        )
        small, large = json.loads(outcome.text)
        self.assertEqual((small["policy"], small["hits"], small["byte_hit_ratio"]), ("l1", 2, 20 / 2030))
        self.assertEqual((large["capacity"], large["hits"], large["byte_hit_ratio"]), (65536, 3, 1020 / 2030))

    def test_csv_from_standard_input_as_text_and_as_a_picture(self) -> None:
        picture = self.directory / "ratios.svg"
        outcome = self.simulate(
            "--trace=-", "--format=csv", "--capacity=1M", f"--svg={picture}", stdin=b"id,size\na,10\na,10\nb,5\nb,5\n"
        )
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertRegex(outcome.text, r"l1 +1000000 +4 +2 +0\.5000 +0\.5000\n")
        self.assertRegex(outcome.text, r"l1 1000000  50\.00 % #+\n")
        self.assertTrue(picture.read_text().startswith("<svg "))

    def test_mistakes_are_named(self) -> None:
        trace = self.write("trace", b"1\n2\n")
        common = ("--format", "ids", "--capacity", "10")
        self.refused("simulate needs --trace", *common)
        self.refused("simulate needs --capacity", "--trace", trace, "--format", "ids")
        self.refused("--format is ids, oracleGeneral or csv", "--trace", trace, "--format", "lines", "--capacity", "10")
        self.refused("there is no policy 'lur'", "--trace", trace, *common, "--policy", "lur")
        for wrong in ("0", "-1", "10,", "1KiB", "many", "99999999999999999999"):
            self.refused("--capacity takes", "--trace", trace, "--format", "ids", "--capacity", wrong)
        self.refused("No such file", "--trace", str(self.directory / "absent"), *common)
        self.refused("Is a directory", "--trace", str(self.directory), *common)
        self.refused("has no requests", "--trace", self.write("empty", b""), *common)
        self.refused("request 1: the file ends after 4 of its 24 bytes", "--trace", trace, "--format", "oracleGeneral",
                     "--capacity", "10")  # fmt: skip
        self.refused("line 2: expected 1 fields, as on the first line, got 2", "--trace=-", "--format=csv",
                     "--capacity=10", stdin=b"a\nb,1\n")  # fmt: skip


if __name__ == "__main__":
    cachectl.main()
