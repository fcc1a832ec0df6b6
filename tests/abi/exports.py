"""What is exported is what is promised: exports.py library LIBRARY VERSION_SCRIPT, or exports.py plugin PLUGIN...

The library exports exactly the functions that the headers mark and the version script lists. A plugin exports its entry
function alone, and needs nothing of the core.
"""

import re
import subprocess
import sys
from pathlib import Path

import declarations

ENTRY = {"cachecore_plugin_entry_v1"}
FOREIGN = re.compile(r"lib(cachecore|hiredis|cjson)\b")


def symbols(shared_object: str, which: str) -> set[str]:
    command = ["nm", "-D", f"--{which}-only", "--format=just-symbols", shared_object]
    listing = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    return {line.split("@")[0] for line in listing.split()}


def listed(version_script: Path) -> set[str]:
    text = re.sub(r"/\*.*?\*/", "", version_script.read_text(encoding="utf-8"), flags=re.DOTALL)
    exported = re.search(r"global:(.*?)local:\s*\*;", text, re.DOTALL)
    assert exported, f"{version_script}: has no 'global: ... local: *;'"
    return set(exported[1].replace(";", " ").split())


def same(left: set[str], left_name: str, right: set[str], right_name: str) -> bool:
    for name in sorted(left - right):
        print(f"{name}: in {left_name}, missing in {right_name}")
    for name in sorted(right - left):
        print(f"{name}: in {right_name}, missing in {left_name}")
    return left == right


def library_is_right(library: str, version_script: Path) -> bool:
    declared, exported = declarations.functions(), symbols(library, "defined")
    print(f"{len(declared)} functions declared, {len(exported)} symbols exported")
    foreign = sorted(name for name in exported if not name.startswith("cachecore_"))
    if foreign:
        print(f"exported, but not cachecore_*: {' '.join(foreign)}")
    good = same(declared, "the headers", listed(version_script), version_script.name)
    return good & same(declared, "the headers", exported, "the library") & (not foreign)


def plugin_is_right(plugin: str) -> bool:
    name = Path(plugin).name
    good = same(ENTRY, "the contract", symbols(plugin, "defined"), name)
    borrowed = sorted(symbol for symbol in symbols(plugin, "undefined") if symbol.startswith("cachecore"))
    if borrowed:
        print(f"{name}: takes from the core: {' '.join(borrowed)}; a plugin gets all it needs in tables")
    dynamic = subprocess.run(["readelf", "-d", plugin], text=True, capture_output=True, check=True).stdout
    needed = [library for library in re.findall(r"NEEDED.*\[(.*)\]", dynamic) if FOREIGN.match(library)]
    if needed:
        print(f"{name}: links {' '.join(needed)}; a plugin links nothing of the core")
    return good and not borrowed and not needed


def main() -> None:
    kind, *arguments = sys.argv[1:]
    if kind == "library":
        sys.exit(not library_is_right(arguments[0], Path(arguments[1])))
    sys.exit(not all([plugin_is_right(plugin) for plugin in arguments]))


main()
