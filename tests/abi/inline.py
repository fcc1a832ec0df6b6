"""Callers of the inline functions of the public headers compile without a warning, also where the optimiser looks into
them: inline.py INCLUDE_DIRECTORY C_COMPILER CXX_COMPILER.

A compiler is one argument, its words separated by spaces. GCC and clang are both asked where they are installed: what
one of them lets pass, the users of the other see. tests/abi/headers.py asks for more warnings, but generates no code.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = ["-Wall", "-Wextra", "-Werror", "-c"]
LEVELS = ["-O0", "-O1", "-O2"]
DIALECTS = [["-x", "c", "-std=c11"], ["-x", "c++", "-std=c++20"]]
FUNCTION = re.compile(r"^static inline ([^;{}()]*?)(\w+)\(([^(){};]*)\) \{", re.MULTILINE)
INLINE = re.compile(r"^static inline ", re.MULTILINE)


def caller(result: str, name: str, parameters: str) -> str:
    declared = " ".join(parameters.split())
    passed = "" if declared == "void" else ", ".join(re.findall(r"(\w+)$", one)[0] for one in declared.split(", "))
    call = f"{name}({passed});"
    return f"{result} call_{name}({declared});\n{result} call_{name}({declared}) {{ {'' if result == 'void' else 'return '}{call} }}\n"


def callers(include: Path) -> tuple[str, int]:
    headers = sorted((include / "cachecore").rglob("*.h"))
    source = "".join(f"#include <cachecore/{header.relative_to(include / 'cachecore')}>\n" for header in headers)
    count = 0
    for header in headers:
        text = header.read_text()
        found = FUNCTION.findall(text)
        if len(found) != len(INLINE.findall(text)):
            sys.exit(f"{header.name}: an inline function is written in a way this test does not read")
        for result, name, parameters in found:
            source += caller(result.strip(), name, parameters)
        count += len(found)
    return source, count


def main() -> None:
    include = Path(sys.argv[1])
    given = [sys.argv[2].split(), sys.argv[3].split()]
    pairs = [given]
    for c, cxx in [("gcc", "g++"), ("clang-19", "clang++-19"), ("clang", "clang++")]:
        if c not in given[0] and shutil.which(c) and shutil.which(cxx):
            pairs.append([[c], [cxx]])
    source, count = callers(include)
    if count < 30:
        sys.exit(f"only {count} inline functions were found in {include}")
    good = True
    with tempfile.TemporaryDirectory() as directory:
        for pair in pairs:
            for compiler, dialect in zip(pair, DIALECTS, strict=True):
                for level in LEVELS:
                    command = [*compiler, *FLAGS, level, *dialect, f"-I{include}", "-o", f"{directory}/callers.o", "-"]
                    outcome = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
                    good &= outcome.returncode == 0
                    verdict = "ok" if outcome.returncode == 0 else "FAILED"
                    print(f"{verdict}: {count} functions, {' '.join(compiler)} {level} {dialect[1]}\n{outcome.stderr}", end="")
    sys.exit(not good)


main()
