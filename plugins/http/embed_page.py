"""Writes the files of the web page as a C++ header: embed_page.py OUTPUT FILE..."""

import hashlib
import sys
from pathlib import Path

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def c_string(content: bytes) -> str:
    """String literals of bounded length, one below the other; octal escapes end after three digits."""
    lines = []
    for start in range(0, len(content), 1000):
        text = "".join(
            chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
            for byte in content[start : start + 1000]
        )
        lines.append(f'    "{text}"')
    return "\n".join(lines) or '    ""'


def main() -> None:
    output, files = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    out = ["// Made by embed_page.py; included by page_files.cpp.", "#pragma once", ""]
    rows = []
    for number, file in enumerate(sorted(files, key=lambda each: each.name)):
        content = file.read_bytes()
        path = "/" if file.name == "index.html" else f"/{file.name}"
        tag = hashlib.sha256(content).hexdigest()[:16]
        out.append(f"constexpr char content_{number}[] =\n{c_string(content)};\n")
        rows.append(
            f'    {{"{path}", "{TYPES[file.suffix]}", "\\"{tag}\\"", {{content_{number}, sizeof(content_{number}) - 1}}}},'
        )
    out += ["constexpr page_file files[] = {", *rows, "};"]
    output.write_text("\n".join(out) + "\n")


main()
