"""Each header of the C++ binding compiles alone, and beside the C headers: headers.py ABI_INCLUDE CPP_INCLUDE CXX_COMPILER."""

import subprocess
import sys
from pathlib import Path

STRICT = ["-std=c++20", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fsyntax-only", "-x", "c++"]


def compile_source(compiler: list[str], includes: list[Path], source: str) -> str | None:
    """The compiler's complaint, or None."""
    command = [*compiler, *STRICT, *(f"-I{include}" for include in includes), "-"]
    outcome = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
    return None if outcome.returncode == 0 else outcome.stderr


def main() -> None:
    includes = [Path(sys.argv[1]), Path(sys.argv[2])]
    compiler = sys.argv[3].split()
    folder = includes[1] / "cachecore"
    headers = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.hpp"))
    if "cachecore.hpp" not in headers:
        sys.exit(f"{folder} holds no cachecore.hpp")
    good = True
    for header in headers:
        complaint = compile_source(compiler, includes, f"#include <cachecore/{header}>\n" * 2)
        print(f"{'ok' if complaint is None else 'FAILED'}: {header}\n{complaint or ''}")
        good &= complaint is None

    both = "#include <cachecore/cachecore.hpp>\n#include <cachecore/cachecore.h>\ncachecore_handle *core;\n"
    complaint = compile_source(compiler, includes, both)
    print(f"{'ok' if complaint is None else 'FAILED'}: the C headers after the C++ one\n{complaint or ''}")
    good &= complaint is None

    complaint = compile_source(compiler, includes, "#include <cachecore/core.h>\n#include <cachecore/cachecore.hpp>\n")
    explained = complaint is not None and "include <cachecore/cachecore.hpp> before" in complaint
    print(f"{'ok' if explained else 'FAILED'}: the other order is refused with a remedy")
    sys.exit(not (good and explained))


main()
