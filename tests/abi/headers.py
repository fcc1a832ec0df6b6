"""Each public header compiles alone, as the languages it promises: headers.py INCLUDE_DIRECTORY C_COMPILER CXX_COMPILER.

A compiler is one argument, its words separated by spaces. *.h is C11 and C++20; *.hpp is C++20.
"""

import subprocess
import sys
from pathlib import Path

STRICT = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fsyntax-only", "-x"]
DIALECTS = {"c": ["c", "-std=c11", "-Wstrict-prototypes"], "c++": ["c++", "-std=c++20"]}


def compiles(compiler: list[str], dialect: str, include: Path, header: str) -> bool:
    # Twice, since a header must also bear being included twice.
    source = f"#include <cachecore/{header}>\n" * 2
    command = [*compiler, *STRICT, *DIALECTS[dialect], f"-I{include}", "-"]
    outcome = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
    print(f"{'ok' if outcome.returncode == 0 else 'FAILED'}: {header} as {DIALECTS[dialect][1][5:]}")
    if outcome.returncode != 0:
        print(outcome.stderr)
    return outcome.returncode == 0


def main() -> None:
    include = Path(sys.argv[1])
    compilers = {"c": sys.argv[2].split(), "c++": sys.argv[3].split()}
    directory = include / "cachecore"
    headers = sorted(str(path.relative_to(directory)) for path in directory.rglob("*.h*"))
    if "cachecore.h" not in headers:
        sys.exit(f"{include}/cachecore holds no cachecore.h")
    good = True
    for header in headers:
        for dialect in ["c", "c++"] if header.endswith(".h") else ["c++"]:
            good &= compiles(compilers[dialect], dialect, include, header)
    sys.exit(not good)


main()
