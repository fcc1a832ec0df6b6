"""Keys from arguments: "user:{user_id}:page:{page}".

The rules are those of the C++ binding, so that both name an entry alike: in text the characters that separate the parts
of keys, open placeholders or mean something in a pattern (: { } * ? [ ] \\ %), spaces and control characters become %XX,
and a ':' stands between two placeholders. So different arguments give different keys, and none reaches into another's
part. Numbers are decimal, a bool is true or false; a placeholder may be a path into an argument: {user.id}.
"""

from __future__ import annotations

import enum
import re
import uuid
from typing import Any

_PARTS = re.compile(r"\{([^{}]*)\}")
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
_UNSAFE = re.compile(r"[\x00-\x20\x7f:{}*?\[\]\\%]")


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match.group()):02X}"


def key_part(value: Any) -> str:
    """One argument, as a part of a key."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return key_part(value.value)
    if isinstance(value, (int, float, uuid.UUID)):
        return str(value)
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str):
        return _UNSAFE.sub(_escape, value)
    raise TypeError(
        f"a key cannot be made of a {type(value).__name__}: give text, a number, a UUID, or a path to one, as {{user.id}}"
    )


class KeyTemplate:
    """Immutable."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = _PARTS.findall(text)
        self.literals = _PARTS.split(text)[::2]
        if any("{" in literal or "}" in literal for literal in self.literals) or not all(
            _PATH.match(name) for name in self.names
        ):
            raise ValueError(f'the key template "{text}" must have its placeholders written {{name}}')
        if any(":" not in literal for literal in self.literals[1:-1]):
            raise ValueError(
                f"the key template \"{text}\" must have a ':' between its placeholders: without it, different "
                "arguments could give the same key"
            )

    def expand(self, arguments: dict[str, Any]) -> str:
        parts = [self.literals[0]]
        for name, literal in zip(self.names, self.literals[1:], strict=True):
            first, *path = name.split(".")
            if first not in arguments:
                raise TypeError(f'the key template "{self.text}" needs the argument {first!r}')
            value = arguments[first]
            for step in path:
                value = getattr(value, step)
            parts += [key_part(value), literal]
        return "".join(parts)

    @property
    def region(self) -> str:
        """What all its keys begin with, without the separator at its end: "user" of "user:{user_id}"."""
        return self.literals[0].rstrip(":/.-_|#") or "cached"
