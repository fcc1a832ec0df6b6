"""Reads what the public C headers declare: functions, structs with their members, and constants."""

import re
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[2] / "abi" / "include"


def headers() -> list[Path]:
    return sorted((INCLUDE / "cachecore").glob("*.h"))


def text_of(header: Path) -> str:
    """The header without comments, and without continued lines."""
    text = re.sub(r"/\*.*?\*/", " ", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"//[^\n]*", "", text).replace("\\\n", " ")


def without_directives(text: str) -> str:
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def functions() -> set[str]:
    """Names of all functions marked CACHECORE_API."""
    found: set[str] = set()
    for header in headers():
        marked = re.findall(r"\bCACHECORE_API\b([^;{]*)", without_directives(text_of(header)))
        for declaration in marked:
            name = re.search(r"\b(\w+)\s*\(", declaration)
            assert name, f"{header.name}: not a function: {declaration.strip()}"
            found.add(name[1])
    return found


def constants() -> list[str]:
    """Names of all macros that stand for a number."""
    found = []
    for header in headers():
        for name, value in re.findall(r"^\s*#define +(CACHECORE_\w+) +(\S.*)$", text_of(header), re.MULTILINE):
            if re.fullmatch(r"\(?-?(0[xX])?[0-9a-fA-F]+[uUlL]*\)?", value.strip()):
                found.append(name)
    return found


def split_members(body: str) -> list[str]:
    """The declarations of a struct's body; a nested one stays in one piece."""
    members, depth, start = [], 0, 0
    for at, character in enumerate(body):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == ";" and depth == 0:
            members.append(body[start:at].strip())
            start = at + 1
    return members


def member_names(body: str, prefix: str = "") -> list[str]:
    names: list[str] = []
    for member in split_members(body):
        nested = re.fullmatch(r"(?:struct|union)\s*\{(.*)\}\s*(\w+)", member, re.DOTALL)
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)", member)
        if nested:
            names.append(prefix + nested[2])
            names += member_names(nested[1], f"{prefix}{nested[2]}.")
        elif pointer:
            names.append(prefix + pointer[1])
        else:
            plain = re.search(r"(\w+)\s*(?:\[[^\]]*\])?$", member)
            assert plain, f"not a member: {member}"
            names.append(prefix + plain[1])
    return names


def structs() -> dict[str, list[str]]:
    """Name and members, in order, of every struct that has a body."""
    found: dict[str, list[str]] = {}
    for header in headers():
        text = without_directives(text_of(header))
        for match in re.finditer(r"\bstruct\s+(cachecore\w*)\s*\{", text):
            depth, at = 1, match.end()
            while depth:
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
            found[match[1]] = member_names(text[match.end() : at - 1])
    return found
