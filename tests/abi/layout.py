"""No struct, constant or status moves: layout.py [--update] [C_COMPILER].

abi/baseline/layout-<machine>.txt holds, for every struct of the headers, its size and each member's offset and size, and the value
of every constant. They are compared with what a compiler says of the headers as they are. --update rewrites the file, but only if
nothing in it changes: a struct that begins with struct_size may grow at its end, and constants may be added.
"""

import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import declarations

BASELINE = declarations.INCLUDE.parent / "baseline" / f"layout-{platform.machine()}.txt"
# Known to every program that was ever compiled against them: conventions, number 7, of value.h.
FROZEN = {"cachecore_value": 24, "cachecore_pair": 48, "cachecore_completion": 32, "cachecore_error": 512}
# Parts of a value, as fixed as it is.
FROZEN |= {"cachecore_bytes_view": 16, "cachecore_list_view": 16, "cachecore_map_view": 16}


def measuring_program() -> str:
    lines = [f"#include <cachecore/{header.name}>" for header in declarations.headers()]
    lines += ["#include <stdio.h>", "int main(void) {"]
    for struct, members in sorted(declarations.structs().items()):
        lines.append(f'  printf("{struct} size %zu\\n", sizeof(struct {struct}));')
        for member in members:
            lines.append(
                f'  printf("{struct}.{member} offset %zu size %zu\\n", offsetof(struct {struct}, {member}), '
                f"sizeof(((struct {struct} *)0)->{member}));"
            )
    for constant in sorted(declarations.constants()):
        lines.append(f'  printf("{constant} = %lld\\n", (long long)({constant}));')
    return "\n".join([*lines, "  return 0;", "}", ""])


def measure(compiler: list[str]) -> list[str]:
    with tempfile.TemporaryDirectory() as directory:
        source, program = Path(directory, "layout.c"), Path(directory, "layout")
        source.write_text(measuring_program(), encoding="utf-8")
        subprocess.run([*compiler, "-std=c11", f"-I{declarations.INCLUDE}", source, "-o", program], check=True)
        return subprocess.run([program], text=True, capture_output=True, check=True).stdout.splitlines()


def entries(lines: list[str]) -> dict[str, str]:
    """What is measured, and what it came to: "cachecore_value.kind" -> "offset 0 size 4"."""
    return dict(line.split(" ", 1) for line in lines)


def may_grow(struct: str, now: dict[str, str]) -> bool:
    return struct not in FROZEN and now.get(f"{struct}.struct_size") == "offset 0 size 8"


def size_of(entry: str) -> int:
    return int(entry.rsplit(" ", 1)[1])


def broken_promises(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What a program compiled against `before` would stumble over."""
    faults = []
    for struct, size in FROZEN.items():
        if now.get(struct) != f"size {size}":
            faults.append(f"{struct} is {now.get(struct, 'gone')}, and must be size {size} for ever")
    for name in (name for name in now if "." not in name and not name.startswith("CACHECORE_")):
        if name not in FROZEN and not may_grow(name, now):
            faults.append(f"{name} does not begin with size_t struct_size")
    for name, old in before.items():
        new = now.get(name)
        if new == old:
            continue
        grew = new is not None and old.startswith("size ") and may_grow(name, now) and size_of(new) > size_of(old)
        if not grew:
            faults.append(f"{name} was {old}, is {new or 'gone'}")
    for name, new in now.items():
        struct, _, member = name.partition(".")
        if not member or name in before or struct not in before:
            continue
        if not may_grow(struct, now) or int(new.split()[1]) < size_of(before[struct]):
            faults.append(f"{name} was put into {struct}, which may only grow at its end")
    return faults


def main() -> None:
    arguments = sys.argv[1:]
    update = arguments[:1] == ["--update"]
    compiler = (arguments[update:] or ["cc"])[0].split()
    lines = measure(compiler)
    now = entries(lines)
    if not BASELINE.exists() and not update:
        print(f"there is no {BASELINE.name}: only the promises that hold on every machine are looked at")
    before = entries(BASELINE.read_text(encoding="utf-8").splitlines()) if BASELINE.exists() else {}
    faults = broken_promises(before, now)
    if faults:
        sys.exit("\n".join([*faults, "The ABI would break; abi/VERSIONING.md says what is possible."]))
    if update:
        BASELINE.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"wrote {BASELINE.name}: {len(lines)} lines")
    elif before and before != now:
        new = "\n".join(f"{name} {value}" for name, value in now.items() if before.get(name) != value)
        sys.exit(f"{new}\nThese are additions. If they are meant, run ./run abi-update and commit {BASELINE.name}.")
    else:
        print(f"{len(lines)} sizes, offsets and values are as they were")


main()
