"""Python's values as JSON, and back by annotation.

    to_plain(User(id=UUID(...), born=date(1815, 12, 10)))     {"id": "...", "born": "1815-12-10"}
    restore(that, User)                                       the User

What is stored is plain JSON, which every other language reads; nothing is pickled, so what another program wrote into
the cache can be wrong, but cannot run code. Types that restore knows: None, bool, int, float, str, bytes, datetime, date,
time, timedelta, Decimal, UUID, Enum, dataclasses, NamedTuple, TypedDict, pydantic models, Literal, unions, and list,
tuple, set, frozenset, dict and their abstract forms of these. Without an annotation a value comes back as JSON has it.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import functools
import types
import typing
import uuid
from typing import Any

_UNCHANGED = (str, bytes, bool, int, float, type(None))


def to_plain(value: Any) -> Any:
    """`value` in what JSON has. Bytes stay bytes: the core stores them as they are."""
    kind = type(value)
    if kind in _UNCHANGED:
        return value
    if kind is dict or isinstance(value, collections.abc.Mapping):
        return {_plain_key(key): to_plain(each) for key, each in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return to_plain(value.value)
    if hasattr(kind, "model_dump"):  # pydantic
        return to_plain(value.model_dump(mode="json"))
    if isinstance(value, (list, tuple, set, frozenset, collections.abc.ValuesView, collections.abc.KeysView)):
        return [to_plain(each) for each in value]
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (str, bytes, int, float)):  # subclasses
        return value
    name = f"{kind.__module__}.{kind.__qualname__}"
    raise TypeError(f"{name} cannot be stored as JSON; give a dataclass, a pydantic model or a dict")


def _plain_key(key: Any) -> str:
    if type(key) is str:
        return key
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    plain = to_plain(key)
    if isinstance(plain, (str, int, float)):
        return str(plain)
    raise TypeError(f"a key of type {type(key).__qualname__} cannot be stored as JSON")


def restore(value: Any, annotation: Any) -> Any:
    """What `to_plain` made of a value of that type. ValueError or TypeError if it is none."""
    if annotation is Any or annotation is None.__class__ or annotation in _SAME:
        return value
    return _restorer(annotation)(value)


_SAME: tuple[Any, ...] = (object, dict, typing.Dict, list)  # noqa: UP006 (the alias itself is looked for)


@functools.lru_cache(maxsize=1024)
def _restorer(annotation: Any) -> Any:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _restorer(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return functools.partial(_restore_union, typing.get_args(annotation))
    if origin is typing.Literal:
        return lambda value: value
    if origin is not None:
        return _restorer_of_generic(origin, typing.get_args(annotation))
    if not isinstance(annotation, type):
        return lambda value: value  # a TypeVar, a NewType's name: as JSON has it
    return _restorer_of_class(annotation)


def _restorer_of_generic(origin: Any, arguments: tuple[Any, ...]) -> Any:
    if issubclass(origin, collections.abc.Mapping):
        key, held = arguments
        return lambda value: {_restore_key(k, key): restore(v, held) for k, v in value.items()}
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return lambda value: tuple(restore(v, a) for v, a in zip(value, arguments, strict=True))
    if issubclass(origin, collections.abc.Iterable):
        made = origin if origin in (list, tuple, set, frozenset) else list
        if issubclass(origin, collections.abc.Set) and origin not in (set, frozenset):
            made = set
        return lambda value: made(restore(each, arguments[0]) for each in value)
    return lambda value: value


def _restore_key(key: str, annotation: Any) -> Any:
    if annotation is int:
        return int(key)
    if annotation is float:
        return float(key)
    if annotation is bool:
        return key == "true"
    return restore(key, annotation)


def _restorer_of_class(kind: type[Any]) -> Any:
    if hasattr(kind, "model_validate"):
        return kind.model_validate
    if dataclasses.is_dataclass(kind):
        return functools.partial(_restore_dataclass, kind, typing.get_type_hints(kind))
    if issubclass(kind, enum.Enum):
        return kind
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind)
        return lambda value: {name: restore(each, hints.get(name, Any)) for name, each in value.items()}
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints = typing.get_type_hints(kind)
        return lambda value: kind(*(restore(v, hints.get(n, Any)) for v, n in zip(value, kind._fields, strict=True)))
    return _SIMPLE.get(kind, lambda value: value)


def _restore_dataclass(kind: type[Any], hints: dict[str, Any], value: dict[str, Any]) -> Any:
    made = object.__new__(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    given = {name: restore(each, hints[name]) for name, each in value.items() if name in fields}
    if all(field.init for field in fields.values()):
        return kind(**given)
    for name, each in given.items():
        object.__setattr__(made, name, each)
    return made


def _restore_union(choices: tuple[Any, ...], value: Any) -> Any:
    if value is None and type(None) in choices:
        return None
    for choice in choices:
        if choice in _JSON_OF and type(value) is _JSON_OF[choice]:
            return value
    for choice in choices:
        if choice is type(None) or choice in _JSON_OF:
            continue
        try:
            return restore(value, choice)
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            continue
    return value


_JSON_OF: dict[Any, type[Any]] = {str: str, int: int, float: float, bool: bool}

_SIMPLE: dict[type[Any], Any] = {
    bytes: lambda value: value.encode() if isinstance(value, str) else bytes(value),
    float: float,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    datetime.datetime: datetime.datetime.fromisoformat,
    datetime.date: datetime.date.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
    datetime.timedelta: lambda value: datetime.timedelta(seconds=value),
    decimal.Decimal: decimal.Decimal,
    uuid.UUID: uuid.UUID,
}
