"""Namespaces of methods, built from what the core describes.

`client.session.create` is a built-in function (see native/method.c) made at its first use and kept, so that later calls
are two attribute reads and the call.
"""

from __future__ import annotations

import keyword
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from . import _native
from ._handle import Handle
from ._streams import AsyncStream, Stream
from .errors import MethodNotFoundError, RedisOperationError

log = logging.getLogger("cachecore")

TEXT, KEYS, NONE = 0, 1, 2
"""How BYTES of results appear: str where they are UTF-8; bytes, but keys of maps as text; bytes."""

OnError = Literal["raise", "default"]


@dataclass(frozen=True)
class View:
    """What a client does with answers and errors."""

    decode: int = TEXT
    on_error: OnError = "raise"
    timeout_ms: int = 0
    asynchronous: bool = False


def _signature(name: str, parameters: list[dict[str, Any]]) -> str:
    words = ["$self"]
    optional = False
    for parameter in parameters:
        word = parameter["name"] + ("_" if keyword.iskeyword(parameter["name"]) else "")
        optional = optional or parameter["optional"]
        words.append(f"{word}=None" if optional else word)
    words += ["*", "timeout_ms=0"] if all(p["name"] != "timeout_ms" for p in parameters) else []
    return f"{name}({', '.join(words)})\n--\n\n"


def _documentation(method: dict[str, Any]) -> str:
    lines = [method["doc"], "", f"Returns {method['returns']}"]
    for parameter in method["parameters"]:
        kinds = "|".join(parameter["kinds"]) or "any"
        default = f" = {parameter['default']}" if parameter["default"] is not None else ""
        lines.append(f"  {parameter['name']}: {kinds}{default}  {parameter['doc'] or ''}".rstrip())
        lines += [f"      {field['name']}  {field['doc'] or ''}".rstrip() for field in parameter["fields"] or []]
    return "\n".join(lines)


def _key_index(parameters: list[dict[str, Any]]) -> int:
    """The parameter that errors name. Secrets are never named."""
    for meaning in ("key", "pattern"):
        found = [i for i, each in enumerate(parameters) if each["meaning"] == meaning and not each.get("secret")]
        if found:
            names = [parameters[i]["name"] for i in found]
            return found[names.index("key")] if "key" in names else found[0]
    return -1


def _default_of(returns: str) -> Any:
    return False if returns.startswith("BOOL") else None


def _absorbing(default: Any) -> Callable[[RedisOperationError], Any]:
    def absorb(error: RedisOperationError) -> Any:
        log.warning("%s: %s; answering %r instead", error.status_name, error, default)
        return default

    return absorb


def bind(
    handle: Handle,
    described: dict[str, Any],
    view: View,
    *,
    missing: Any = None,
    give_back: Callable[[Any], None] | None = None,
) -> Callable[..., Any]:
    """The callable for a method as the core describes it."""
    parameters = described["parameters"]
    options_index = next((i for i, each in enumerate(parameters) if each["name"] == "options" and each["fields"]), -1)
    fields = frozenset(each["name"] for each in parameters[options_index]["fields"]) if options_index >= 0 else None
    streaming = "streaming" in described["flags"]
    call = _native.find_method(
        handle.core,
        described["name"],
        tuple(each["name"] for each in parameters),
        _key_index(parameters),
        options_index,
        fields,
        view.decode,
        0 if streaming else view.timeout_ms,
        missing,
        _absorbing(_default_of(described["returns"])) if view.on_error == "default" else None,
        give_back,
        _signature(described["name"].rpartition(".")[2], parameters) + _documentation(described),
        (2 if streaming else 0) + view.asynchronous,
    )
    if not streaming:
        return call
    wrap: Callable[[Any], Any] = AsyncStream if view.asynchronous else Stream

    def open_stream(*args: Any, **kwargs: Any) -> Any:
        return wrap(call(*args, **kwargs))

    open_stream.__name__ = described["name"].rpartition(".")[2]
    open_stream.__doc__ = _documentation(described)
    return open_stream


class Namespace:
    """The methods of one plugin."""

    def __init__(self, handle: Handle, plugin: str, view: View, give_back: Callable[[str], Any]) -> None:
        self._handle = handle
        self._plugin = plugin
        self._view = view
        self._give_back = give_back

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        plugin = self._handle.plugin(self._plugin)
        methods: list[dict[str, Any]] = plugin["methods"] if plugin is not None else []
        for method in methods:
            plain = method["name"].rpartition(".")[2]
            if plain == name or (keyword.iskeyword(plain) and plain + "_" == name):
                bound = bind(self._handle, method, self._view, give_back=self._give_back(method["name"]))
                self.__dict__[name] = bound
                return bound
        known = ", ".join(sorted(method["name"].rpartition(".")[2] for method in methods))
        raise MethodNotFoundError(f"{self._plugin} has no method {name}; it has: {known}", status=_native.NO_METHOD) from None

    def __dir__(self) -> list[str]:
        plugin = self._handle.plugin(self._plugin)
        methods = [] if plugin is None else [each["name"].rpartition(".")[2] for each in plugin["methods"]]
        return sorted([*methods, *(name for name in vars(type(self)) if not name.startswith("_"))])

    def __repr__(self) -> str:
        return f"<cachecore plugin {self._plugin}>"
