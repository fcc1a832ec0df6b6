"""Writes cachecore/_plugins.pyi, the types of the built-in plugins, from what the core describes.

    ./run exec python3 bindings/python/tools/stubs.py            writes it
    ./run exec python3 bindings/python/tools/stubs.py --check    fails if it is not what would be written

--check looks only at the plugins that are loaded, so that a tree built with fewer passes.
"""

from __future__ import annotations

import keyword
import sys
from pathlib import Path
from typing import Any

import cachecore

STUB = Path(__file__).parent.parent / "cachecore" / "_plugins.pyi"
BUILT_IN = ["core", "redis", "kv", "cache", "session", "auth", "lock", "queue", "monitor"]
HEAD = """# The methods of the built-in plugins. Written by stubs.py from what the core describes: do not change it by hand.

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from ._native import Operation
from ._streams import AsyncStream, Stream

Text = str | bytes
Duration = int | timedelta
Time = int | datetime
List = list[Any]  # a class may have a method of that name
"""

KINDS = {
    "nil": "None",
    "bool": "bool",
    "int": "int",
    "double": "float",
    "bytes": "Text",
    "list": "Sequence[Any]",
    "map": "Mapping[Any, Any]",
}
RETURNS = {"BOOL": "bool", "INT": "int", "LIST": "List", "MAP": "dict[str, Any]", "MAPs": "dict[str, Any]", "NIL": "None"}


def kind_of(parameter: dict[str, Any]) -> str:
    if not parameter["kinds"] or parameter["meaning"] == "json":
        return "Any"
    words = [KINDS[kind] for kind in parameter["kinds"]]
    if parameter["meaning"] == "duration":
        words = ["Duration" if word == "int" else word for word in words if word != "float"]
    if parameter["meaning"] == "timestamp":
        words = ["Time" if word == "int" else word for word in words if word != "float"]
    return " | ".join(dict.fromkeys(words))


def returned(method: dict[str, Any]) -> str:
    said = method["returns"]
    first = said.split(" ")[0].strip(":,;.")
    kind = RETURNS.get(first, "Any")
    missing = "NOT_FOUND" in said and kind not in ("Any", "None")
    return f"{kind} | None" if missing else kind


def parameters_of(method: dict[str, Any]) -> str:
    words = ["self"]
    optional = False
    fields: list[dict[str, Any]] = []
    for parameter in method["parameters"]:
        name = parameter["name"] + ("_" if keyword.iskeyword(parameter["name"]) else "")
        optional = optional or parameter["optional"]
        kind = kind_of(parameter)
        none = "" if kind == "Any" or kind.endswith("None") else " | None"
        words.append(f"{name}: {kind}{none} = ..." if optional else f"{name}: {kind}")
        if parameter["name"] == "options":
            fields = parameter["fields"] or []
    named = [f"{each['name']}{'_' if keyword.iskeyword(each['name']) else ''}: {kind_of(each)} = ..." for each in fields]
    if all(parameter["name"] != "timeout_ms" for parameter in method["parameters"]):
        named.append("timeout_ms: Duration = ...")
    return ", ".join(words + (["*", *named] if named else []))


def sentence(method: dict[str, Any]) -> str:
    return str(method["doc"]).replace("\\", "\\\\").replace('"', "'")


TTL = "ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ..."
EXTRA = {
    "kv": [
        (
            "set_dict",
            f"self, key: Text, value: dict[str, Any], {TTL}",
            "None",
        ),
        ("get_dict", "self, key: Text, *, timeout_ms: Duration = ...", "dict[str, Any] | None"),
        ("set_list", f"self, key: Text, value: list[Any], {TTL}", "None"),
        ("get_list_value", "self, key: Text, *, timeout_ms: Duration = ...", "list[Any] | None"),
    ]
}


def class_of(plugin: dict[str, Any], asynchronous: bool) -> str:
    name = plugin["name"].capitalize()
    lines = [f"class {'Async' if asynchronous else ''}{name}(Protocol):", f'    """{plugin["summary"] or name}"""', ""]
    for method in plugin["methods"]:
        plain = method["name"].rpartition(".")[2]
        plain += "_" if keyword.iskeyword(plain) else ""
        answer = returned(method)
        if "streaming" in method["flags"]:
            answer = "AsyncStream" if asynchronous else "Stream"
        elif asynchronous:
            answer = f"Operation[{answer}]"
        lines.append(f"    def {plain}({parameters_of(method)}) -> {answer}:")
        lines.append(f'        """{sentence(method)}"""')
    for plain, words, answer in EXTRA.get(plugin["name"], []):
        answer = f"Operation[{answer}]" if asynchronous else answer
        lines.append(f"    def {plain}({words}) -> {answer}: ...")
    return "\n".join(lines) + "\n"


def classes(described: dict[str, Any]) -> dict[str, str]:
    found = {each["name"]: each for each in described["plugins"]}
    made = {}
    for name in BUILT_IN:
        if name in found:
            made[name] = "\n\n".join(class_of(found[name], asynchronous) for asynchronous in (False, True))
    return made


def main() -> int:
    made = classes(cachecore.Client("redis://127.0.0.1:1").describe())
    if "--check" in sys.argv:
        written = STUB.read_text()
        stale = [name for name, text in made.items() if text not in written]
        if stale:
            print(f"{STUB} is stale for {', '.join(stale)}: run stubs.py")
        return 1 if stale else 0
    absent = [name for name in BUILT_IN if name not in made]
    if absent:
        print(f"these plugins are not built here: {', '.join(absent)}")
        return 1
    STUB.write_text(HEAD + "\n\n" + "\n\n".join(made.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
