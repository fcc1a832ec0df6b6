"""Read-through caching of functions, over the lease protocol of the plugin `cache`.

    @cached("user:{user_id}", expire=600)
    def load_user(user_id: int) -> User: ...

    load_user(42)                 # loads once, however many threads and tasks ask at the same moment
    load_user.invalidate(42)
    load_user.invalidate_matching("user:4*")

What a call does: cache.lookup answers with the value, or tells this caller alone to load it; it runs the function and
stores what came, or says that it failed. Where the server is away the function answers, still one call of a key in a
process. The decorated function may be plain or `async def`, a method, or a static or class method.

Thread rule: any thread, any event loop. Invariants: an exception of the function goes on to its caller, and gives the
lease back at once; what was loaded is returned even when it could not be stored.
"""

from __future__ import annotations

import functools
import inspect
import logging
import typing
import weakref
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar

from . import shared
from ._flow import Flow, arun, run
from .client import AsyncClient, Client
from .durations import Duration, milliseconds
from .errors import (
    BusyError,
    ConflictError,
    CorruptError,
    DeniedError,
    LoaderFailedError,
    OperationTimeoutError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from .key_templates import KeyTemplate
from .values import restore, to_plain

log = logging.getLogger("cachecore")
P = ParamSpec("P")
R = TypeVar("R")

CAN_DO_WITHOUT = (
    BusyError,
    ConflictError,
    CorruptError,
    DeniedError,
    LoaderFailedError,
    OperationTimeoutError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
"""Errors about the server or the entry: the source can answer all the same. Others are about the program, and hiding
them would hide that nothing is ever cached."""

AnyClient = Client | AsyncClient
ClientSource = AnyClient | Callable[[], AnyClient] | None


def policy_of(expire: Duration | None, more: dict[str, Any]) -> dict[str, Any]:
    """What cache.define takes: names that end in _ms as they are, durations of others in seconds."""
    policy: dict[str, Any] = {} if expire is None else {"ttl_ms": milliseconds(expire)}
    for name, value in more.items():
        if name in ("negative_expire", "stale", "load_timeout", "outage"):
            field = {"negative_expire": "negative_ttl_ms", "stale": "stale_ms", "load_timeout": "load_timeout_ms"}
            policy[field.get(name, "outage_ttl_ms")] = milliseconds(value)
        else:
            policy[name] = milliseconds(value) if isinstance(value, timedelta) else value
    return policy


class Region:
    """A region of the cache with its policy, for any client."""

    def __init__(self, name: str, policy: dict[str, Any], client: ClientSource) -> None:
        self.name = name
        self.policy = policy
        self._client = client
        self._defined: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()  # by core: its generation

    def client(self, asynchronous: bool) -> Any:
        found = self._client() if callable(self._client) else self._client
        if found is None:
            return shared.async_client() if asynchronous else shared.client()
        if asynchronous and isinstance(found, Client):
            return found.async_client()
        if not asynchronous and isinstance(found, AsyncClient):
            return found.client()
        return found

    def methods(self, asynchronous: bool) -> Flow[Any]:
        """The methods of the cache; the region is defined there."""
        client = self.client(asynchronous)
        core = client._handle.core
        methods = client._handle.caching.get(asynchronous)
        if methods is None:
            methods = client._handle.caching[asynchronous] = client.using(decode=True, on_error="raise").cache
        if self._defined.get(core) != core.generation:
            yield lambda: methods.define(self.name, self.policy)
            self._defined[core] = core.generation
        return methods


def read_through(region: Region, key: str, load: Callable[[], Any], asynchronous: bool) -> Flow[Any]:
    """The value as JSON has it."""
    methods = yield from region.methods(asynchronous)
    try:
        answer = yield lambda: methods.lookup(region.name, key)
    except CAN_DO_WITHOUT as error:
        log.warning("cache: %s; asking the source", error)
        return to_plain((yield load))
    if answer is None or answer["state"] != "load":
        return None if answer is None else answer.get("value")
    lease = answer["lease"]
    try:
        loaded = to_plain((yield load))
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        try:
            yield lambda: methods.fail(lease, reason[:400])
        except CAN_DO_WITHOUT as ended:
            log.info("cache: %s", ended)
        if isinstance(error, Exception) and answer.get("value") is not None:
            log.warning("cache: the loader of %s failed (%s); serving the old value", key, reason)
            return answer["value"]
        raise
    try:
        yield lambda: methods.store(lease, loaded)
    except CAN_DO_WITHOUT as error:
        log.warning("cache: what was loaded could not be stored: %s", error)
    return loaded


class CachedFunction(Generic[P, R]):
    """A function whose results are cached; as a method it binds to its object."""

    def __init__(self, function: Callable[P, R], template: KeyTemplate, region: Region, kind: Any) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.template = template
        self.region = region
        self._kind = kind
        self._asynchronous = inspect.iscoroutinefunction(function)
        self._signature = inspect.signature(function)
        names = {name.split(".")[0] for name in template.names}
        unknown = names - set(self._signature.parameters)
        takes_any = any(each.kind is each.VAR_KEYWORD for each in self._signature.parameters.values())
        if unknown and not takes_any:
            raise TypeError(
                f'the key template "{template.text}" names {sorted(unknown)}, which {function.__qualname__} does not take'
            )

    if typing.TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any = None) -> CachedFunction[..., R]: ...
    else:

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return self if instance is None else BoundCachedFunction(self, instance)

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of a call, within the region."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return self.template.expand({**bound.arguments, **bound.arguments.get("kwargs", {})})

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._drive(self._value(args, kwargs))  # type: ignore[no-any-return]

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Forgets the value of a call. A load that runs meanwhile does not count."""
        key = self.key(*args, **kwargs)
        return self._drive(self._method("delete", key))

    def invalidate_matching(self, pattern: str) -> Any:
        """Forgets all values whose key matches a glob: "user:4*"."""
        return self._drive(self._method("invalidate", pattern))

    def invalidate_all(self) -> Any:
        """Forgets all values of the region."""
        return self._drive(self._method("invalidate", "*"))

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function, and stores what it gives."""
        return self._drive(self._refresh(args, kwargs))  # type: ignore[no-any-return]

    def stats(self) -> Any:
        """Hits, misses and loads of the region in this process."""
        return self._drive(self._method("stats"))

    def _drive(self, flow: Flow[Any]) -> Any:
        return arun(flow) if self._asynchronous else run(flow)

    def _method(self, name: str, *args: Any) -> Flow[Any]:
        methods = yield from self.region.methods(self._asynchronous)
        return (yield lambda: getattr(methods, name)(self.region.name, *args))

    def _value(self, args: Any, kwargs: Any) -> Flow[Any]:
        key = self.key(*args, **kwargs)
        plain = yield from read_through(self.region, key, lambda: self.function(*args, **kwargs), self._asynchronous)
        try:
            return self._restore(plain)
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
            log.warning("cache: what is stored as %s is no %s (%s); loading it anew", key, self._annotation(), error)
            return (yield from self._refresh(args, kwargs))

    def _refresh(self, args: Any, kwargs: Any) -> Flow[Any]:
        loaded = yield lambda: self.function(*args, **kwargs)
        plain = to_plain(loaded)
        try:
            yield from self._method("set", self.key(*args, **kwargs), plain)
        except CAN_DO_WITHOUT as error:
            log.warning("cache: what was loaded could not be stored: %s", error)
        return self._restore(plain)

    def _annotation(self) -> Any:
        if self._kind is None:
            try:
                self._kind = typing.get_type_hints(self.function).get("return", Any)
            except NameError:  # names that exist for type checkers alone
                self._kind = Any
        return self._kind

    def _restore(self, plain: Any) -> Any:
        return None if plain is None else restore(plain, self._annotation())


class BoundCachedFunction:
    """A cached method of an object."""

    def __init__(self, cached_function: CachedFunction[..., Any], instance: Any) -> None:
        self.__wrapped__ = cached_function
        self.__self__ = instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(self.__self__, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__wrapped__, name)
        if name in ("key", "invalidate", "refresh"):
            return functools.partial(found, self.__self__)
        return found


def cached(
    template: str,
    expire: Duration | None = None,
    *,
    region: str | None = None,
    client: ClientSource = None,
    type: Any = None,
    **policy: Any,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Caches what a function returns under the key that `template` makes of its arguments.

    expire    seconds or a timedelta that a value is fresh; without it as the plugin's configuration says
    region    by default what the template begins with: "user" of "user:{user_id}"
    client    a client, or a function that gives one; by default the shared one
    type      what to restore values to; by default the annotation of the return value
    policy    all that cache.define takes, and in seconds: stale, negative_expire, load_timeout, outage
    """
    parsed = KeyTemplate(template)
    shape = Region(region or parsed.region, policy_of(expire, policy), client)

    def decorate(function: Callable[P, R]) -> CachedFunction[P, R]:
        if isinstance(function, (staticmethod, classmethod)):
            raise TypeError("cached goes below staticmethod and classmethod: next to the function")
        return CachedFunction(function, parsed, shape, type)

    return decorate


def get_with_fallback(
    key: str,
    source: Callable[[], Any],
    default: Any = None,
    *,
    expire: Duration | None = None,
    region: str = "fallback",
    client: ClientSource = None,
    type: Any = Any,
) -> Any:
    """The cached value of `key`, else what `source` gives (which is stored), else `default`: what it is when the source
    fails, or has none. With an `async def` source, or an AsyncClient, it is awaited."""
    asynchronous = inspect.iscoroutinefunction(source) or isinstance(client, AsyncClient)
    shape = Region(region, policy_of(expire, {}), client)

    def flow() -> Flow[Any]:
        load: Callable[[], Any] = source
        if asynchronous and not inspect.iscoroutinefunction(source):

            async def load() -> Any:
                return source()

        try:
            plain = yield from read_through(shape, key, load, asynchronous)
        except Exception as error:
            log.warning("get_with_fallback: the source of %s failed (%s); giving the default", key, error)
            return default
        return default if plain is None else restore(plain, type)

    return arun(flow()) if asynchronous else run(flow())
