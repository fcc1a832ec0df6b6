"""Writes a Lua script as a C header: embed_lua.py SCRIPT HEADER."""

import re
import sys
from pathlib import Path


def c_string(line: str) -> str:
    escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?").replace("\t", "\\t")
    return f'"{escaped}\\n"'


def main() -> None:
    script, header = Path(sys.argv[1]), Path(sys.argv[2])
    name = script.stem
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        sys.exit(f"{script}: a script's name is made of a-z, 0-9 and _, since it becomes a C name")
    source = script.read_bytes()
    if not source.isascii() or b"\0" in source or b"\r" in source:
        sys.exit(f"{script}: scripts are ASCII text with lines ended by LF alone")
    lines = "\n".join("    " + c_string(line) for line in source.decode().splitlines())
    header.write_text(
        f"/* Made from {script.name}. */\n"
        "#pragma once\n\n"
        # Constant expressions in C++, so that a plugin can put scripts together.
        "#ifdef __cplusplus\nconstexpr\n#endif\n"
        f"    __attribute__((unused)) static const char {name}_lua[] =\n{lines};\n"
    )


main()
