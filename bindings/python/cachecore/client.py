"""Client and AsyncClient.

Both are what the core describes: an attribute for each plugin, with its methods. So a plugin that this package never
heard of is as callable as the built-in ones, whose types are in the stubs.

    client = cachecore.Client("redis://localhost:6379/0", key_prefix="shop:")
    client.kv.set("greeting", "hello", ttl_ms=60_000)

Making one opens no socket and starts no thread; the first call does. A client may be used by any number of threads, and
an AsyncClient by any number of event loops, one after the other or at once. In a forked child the first use starts
afresh on connections of the child's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ._extras import namespace_kind
from ._give_back import undo_of
from ._handle import Handle
from ._methods import KEYS, TEXT, OnError, View, bind
from .errors import MethodNotFoundError

if TYPE_CHECKING:
    from typing import Self

    from . import _plugins

ClientType = TypeVar("ClientType", bound="_Client")
_MISSING = MethodNotFoundError


def _decode_by_default() -> bool:
    return os.environ.get("REDIS_DECODE_RESPONSES", "true").strip().lower() not in ("0", "false", "no", "off")


def _configuration(url: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    config = dict(settings.pop("config", None) or {})
    if url is not None:
        config["url"] = url
    config.update({name: value for name, value in settings.items() if value is not None})
    return config


class _Client:
    _asynchronous = False

    def __init__(
        self,
        url: str | None = None,
        *,
        config_file: str | None = None,
        decode: bool | None = None,
        on_error: OnError = "raise",
        timeout_ms: int = 0,
        **settings: Any,
    ) -> None:
        """`url` and `settings` are the configuration, as in JSON: load=["kv"], plugins={"cache": {...}}, key_prefix,
        max_connections, password_file, tls ...; unknown ones are errors. `config` is such a dictionary as a whole.

        decode      results' bytes as str where they are UTF-8 (the default, unless REDIS_DECODE_RESPONSES says false);
                    False: bytes, but for the keys of maps
        on_error    "default": what fails is logged as a warning of the logger "cachecore" and answers None, or False
                    where the answer is a bool; errors of the program are raised all the same
        timeout_ms  deadline of calls that name none; 0: the configuration's call_timeout_ms
        """
        if on_error not in ("raise", "default"):
            raise ValueError(f'on_error must be "raise" or "default", got {on_error!r}')
        handle = Handle(_configuration(url, settings), config_file)
        decoded = _decode_by_default() if decode is None else decode
        self._become(handle, View(TEXT if decoded else KEYS, on_error, timeout_ms, self._asynchronous))

    def _become(self, handle: Handle, view: View) -> None:
        self._handle = handle
        self._view = view

    @classmethod
    def _of(cls, handle: Handle, view: View) -> Self:
        made = cls.__new__(cls)
        made._become(handle, view)
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if self._handle.plugin(name) is None:
            known = ", ".join(each["name"] for each in self._handle.describe()["plugins"])
            raise AttributeError(f"no plugin {name!r} is loaded; there are: {known}")
        kind = namespace_kind(name, self._view.asynchronous)
        made = kind(self._handle, name, self._view, self._undo)
        self.__dict__[name] = made
        return made

    def __dir__(self) -> list[str]:
        return sorted([*super().__dir__(), *(each["name"] for each in self._handle.describe()["plugins"])])

    def _undo(self, method: str) -> Callable[[Any], None] | None:
        return undo_of(method, self) if self._view.asynchronous else None

    def using(self, *, decode: bool | None = None, on_error: OnError | None = None, timeout_ms: int | None = None) -> Self:
        """The same client with other settings: client.using(timeout_ms=200).kv.get("key")."""
        view = self._view
        return self._of(
            self._handle,
            View(
                view.decode if decode is None else (TEXT if decode else KEYS),
                view.on_error if on_error is None else on_error,
                view.timeout_ms if timeout_ms is None else timeout_ms,
                view.asynchronous,
            ),
        )

    def method(self, name: str, *, missing: Any = None) -> Callable[..., Any]:
        """A method by its full name. `missing` is what it answers where there is nothing (NOT_FOUND)."""
        plugin = self._handle.plugin(name.partition(".")[0])
        for described in plugin["methods"] if plugin is not None else []:
            if described["name"] == name:
                return bind(self._handle, described, self._view, missing=missing, give_back=self._undo(name))
        getattr(self, name.partition(".")[0]).__getattr__(name.partition(".")[2])  # says what there is
        raise MethodNotFoundError(f"there is no method {name}")

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a method by its full name; for names that are data."""
        namespace, _, method = name.partition(".")
        return getattr(getattr(self, namespace), method)(*args, **kwargs)

    def describe(self) -> dict[str, Any]:
        """What can be called: {abi, version, plugins: [{name, methods: [...]}]}."""
        return self._handle.describe()

    def load_plugin(self, name_or_path: str, config: dict[str, Any] | None = None) -> None:
        self._handle.load(name_or_path, config)

    @property
    def closed(self) -> bool:
        return self._handle.core.closed

    def __repr__(self) -> str:
        return f"<cachecore.{type(self).__name__}{' closed' if self.closed else ''}>"

    if TYPE_CHECKING:
        # Plugins that are not built in.
        def __getattribute__(self, name: str) -> Any: ...


class Client(_Client):
    """For blocking code; see the module."""

    if TYPE_CHECKING:
        core: _plugins.Core
        redis: _plugins.Redis
        kv: _plugins.Kv
        cache: _plugins.Cache
        session: _plugins.Session
        auth: _plugins.Auth
        lock: _plugins.Lock
        queue: _plugins.Queue
        monitor: _plugins.Monitor

    def close(self) -> None:
        """Ends every call with ClosedError and frees; again and again is fine. May be called by a signal handler."""
        self._handle.close()

    def reset(self) -> None:
        """Drops connections and the plugins' state and starts afresh; requests in flight fail."""
        self._handle.core.reset()

    def async_client(self) -> AsyncClient:
        """An AsyncClient over the same connections; closing either closes both."""
        view = self._view
        return AsyncClient._of(self._handle, View(view.decode, view.on_error, view.timeout_ms, True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncClient(_Client):
    """For asyncio, also on uvloop: methods return an awaitable that is a future, too. Cancelling it (or the task that
    awaits it) cancels the operation; no thread waits for it."""

    _asynchronous = True

    if TYPE_CHECKING:
        core: _plugins.AsyncCore
        redis: _plugins.AsyncRedis
        kv: _plugins.AsyncKv
        cache: _plugins.AsyncCache
        session: _plugins.AsyncSession
        auth: _plugins.AsyncAuth
        lock: _plugins.AsyncLock
        queue: _plugins.AsyncQueue
        monitor: _plugins.AsyncMonitor

    async def aclose(self) -> None:
        """Ends every call with ClosedError and frees; again and again is fine."""
        await self._handle.aclose()

    async def reset(self) -> None:
        """Drops connections and the plugins' state and starts afresh; requests in flight fail."""
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, self._handle.core.reset)

    def client(self) -> Client:
        """A blocking Client over the same connections, for threads; closing either closes both."""
        view = self._view
        return Client._of(self._handle, View(view.decode, view.on_error, view.timeout_ms, False))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self.aclose()
