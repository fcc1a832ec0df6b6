"""Functions and types against the recorded ones: baseline.py [--update] LIBRARY C_COMPILER.

libabigail reads them from debug information. Two records are kept in abi/baseline: libcachecore-<machine>.abi, the library itself, and
types-<machine>.abi, every struct of the headers, since those of plugin.h are reached by no exported function. Any difference fails
the test, so that each is accepted deliberately; --update refuses what is certain to break a program.
"""

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import declarations

HEADERS = declarations.INCLUDE / "cachecore"
# abidiff's exit status is a set of bits.
FAILED, INCOMPATIBLE = 1 | 2, 8
SKIPPED = 77


def baseline(name: str) -> Path:
    return declarations.INCLUDE.parent / "baseline" / f"{name}-{platform.machine()}.abi"


def build_types(compiler: list[str], directory: Path) -> Path:
    """A shared object with one function for each struct."""
    source, shared_object = directory / "types.c", directory / "types.so"
    lines = [f"#include <cachecore/{header.name}>" for header in declarations.headers()]
    lines += [f"void take_{name}(struct {name} *it) {{ (void)it; }}" for name in sorted(declarations.structs())]
    lines += ["void take_plugin_entry(cachecore_plugin_entry it) { (void)it; }", ""]
    source.write_text("\n".join(lines), encoding="utf-8")
    options = ["-std=c11", "-g", "-O0", "-shared", "-fPIC", f"-I{declarations.INCLUDE}"]
    subprocess.run([*compiler, *options, source, "-o", shared_object], check=True)
    return shared_object


def describe(shared_object: Path, out: Path) -> None:
    """libabigail's description: only what is exported and the headers show, and nothing of the machine it was made on."""
    command = ["abidw", "--exported-interfaces-only", "--headers-dir", HEADERS, "--drop-private-types", "--no-show-locs"]
    command += ["--suppressions", Path(__file__).parent / "private.abignore"]
    command += ["--no-corpus-path", "--no-comp-dir-path", "--no-elf-needed", "--no-parameter-names"]
    subprocess.run([*command, "--out-file", out, shared_object], check=True)
    text = out.read_text(encoding="utf-8")
    out.write_text(re.sub(r"(<abi-instr [^>]*\bpath=')[^']*/(core/|types\.c)", r"\1\2", text), encoding="utf-8")


def compare(recorded: Path, present: Path) -> int:
    outcome = subprocess.run(["abidiff", recorded, present], text=True, capture_output=True, check=False)
    if outcome.returncode & FAILED:
        sys.exit(f"abidiff could not compare: {outcome.stderr}")
    if outcome.returncode:
        print(outcome.stdout)
    print(f"{recorded.name}: {'differs' if outcome.returncode else 'as recorded'}")
    return outcome.returncode


def main() -> None:
    arguments = sys.argv[1:]
    update = arguments[0] == "--update"
    library, compiler = arguments[update:]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        subjects = {"libcachecore": Path(library), "types": build_types(compiler.split(), directory)}
        pairs = {baseline(subject): directory / f"{subject}.abi" for subject in subjects}
        for subject, present in zip(subjects.values(), pairs.values()):
            describe(subject, present)
        missing = [recorded.name for recorded in pairs if not recorded.exists()]
        if missing and not update:
            print(f"there is no {' and no '.join(missing)}: nothing to compare with on this machine")
            sys.exit(SKIPPED)
        differences = 0
        for recorded, present in pairs.items():
            differences |= compare(recorded, present) if recorded.exists() else 0
        if update and differences & INCOMPATIBLE:
            sys.exit("This would break programs; abi/VERSIONING.md says what is possible.")
        if update:
            for recorded, present in pairs.items():
                shutil.copyfile(present, recorded)
                print(f"wrote {recorded.name}")
        elif differences:
            sys.exit("The ABI is not the recorded one. If it only grew, run ./run abi-update and commit abi/baseline.")


main()
