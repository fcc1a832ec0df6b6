"""cachecore: caching, sessions, queues, locks and auth tokens over Redis, from one native library.

    import cachecore

    client = cachecore.Client("redis://localhost:6379/0")
    client.kv.set("greeting", "hello", ttl_ms=60_000)

The README of the binding has the rest.
"""

from ._native import Operation, Pairs
from ._native import version as __version__
from ._streams import AsyncStream, Stream
from .caching import cached, get_with_fallback
from .client import AsyncClient, Client
from .errors import *  # noqa: F403
from .errors import __all__ as _errors
from .locks import lock
from .sessions import Session
from .worker import Worker

__all__ = [
    "AsyncClient",
    "AsyncStream",
    "Client",
    "Operation",
    "Pairs",
    "Session",
    "Stream",
    "Worker",
    "__version__",
    "cached",
    "get_with_fallback",
    "lock",
    *_errors,
]
