"""What the binding adds to the methods of a plugin: shapes of Python that the plugin does not know."""

from __future__ import annotations

from typing import Any

from ._methods import Namespace
from .values import to_plain


class _Kv(Namespace):
    """Values of Python as JSON; both for blocking and asynchronous clients, since they only pass on."""

    def set_json(self, key: str, value: Any, ttl_ms: Any = None, **kwargs: Any) -> Any:
        """Stores any value as JSON, also datetime, UUID, Decimal, dataclasses and pydantic models."""
        return self.__getattr_native("set_json")(key, to_plain(value), ttl_ms, **kwargs)

    def set_dict(self, key: str, value: dict[str, Any], ttl_ms: Any = None, **kwargs: Any) -> Any:
        """Stores a dict as JSON."""
        if not isinstance(value, dict):
            raise TypeError(f"kv.set_dict: value must be a dict, not {type(value).__name__}")
        return self.set_json(key, value, ttl_ms, **kwargs)

    def get_dict(self, key: str, **kwargs: Any) -> Any:
        """What set_dict stored, or None; something else is CorruptError."""
        return self.__getattr_native("get_json")(key, "map", **kwargs)

    def set_list(self, key: str, value: list[Any], ttl_ms: Any = None, **kwargs: Any) -> Any:
        """Stores a list as JSON."""
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"kv.set_list: value must be a list, not {type(value).__name__}")
        return self.set_json(key, value, ttl_ms, **kwargs)

    def get_list_value(self, key: str, **kwargs: Any) -> Any:
        """What set_list stored, or None; something else is CorruptError."""
        return self.__getattr_native("get_json")(key, "list", **kwargs)

    def __getattr_native(self, name: str) -> Any:
        kept = self.__dict__.get("_native_" + name)
        if kept is None:
            kept = Namespace.__getattr__(self, name)
            self.__dict__.pop(name)  # the method of this class stays the one that is seen
            self.__dict__["_native_" + name] = kept
        return kept


def namespace_kind(plugin: str, asynchronous: bool) -> type[Namespace]:
    del asynchronous
    return _Kv if plugin == "kv" else Namespace
