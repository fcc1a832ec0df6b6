"""Counts what `meson test` ran: count.py LOG_DIRECTORY LOG_NAME. Prints one line and fails if anything failed.

A cmocka program counts as the tests it says it ran, any other as one. A program that fails without naming a failed
test of its own (it crashed, leaked, timed out) counts as one failure.
"""

import json
import re
import sys
from pathlib import Path

CMOCKA = {word: re.compile(rf"^\[ +{word} +\] (\d+) test\(s\)", re.MULTILINE) for word in ("PASSED", "FAILED", "SKIPPED")}


def count(log: Path) -> tuple[int, int, int]:
    passed = failed = skipped = 0
    for line in log.read_text(encoding="utf-8").splitlines():
        test = json.loads(line)
        output = test.get("stdout", "") + "\n" + (test.get("stderr") or "")
        inside = {word: sum(map(int, pattern.findall(output))) for word, pattern in CMOCKA.items()}
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            passed += inside["PASSED"] or 1
        elif test["result"] == "SKIP":
            skipped += 1
        else:
            passed += inside["PASSED"]
            failed += inside["FAILED"] or 1
        skipped += inside["SKIPPED"]
    return passed, failed, skipped


def main() -> None:
    logs = sorted(Path(sys.argv[1]).glob(f"{sys.argv[2]}*.json"), key=lambda log: log.stat().st_mtime)
    passed, failed, skipped = count(logs[-1]) if logs else (0, 1, 0)
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
