"""The client of this process, made when it is first needed.

    from cachecore import shared

    shared.configure("redis://localhost:6379/0", key_prefix="shop:")   # or leave it to the environment

    shared.client().kv.get("greeting")
    await shared.async_client().kv.get("greeting")

Importing and configuring open nothing, so modules may use `shared` before the program has read its settings. Decorators
without a client of their own use this one. Thread rule: any thread.
"""

from __future__ import annotations

import threading
from typing import Any

from .client import AsyncClient, Client

_lock = threading.RLock()
_settings: dict[str, Any] = {}
_client: Client | None = None
_async_client: AsyncClient | None = None


def configure(url: str | None = None, **settings: Any) -> None:
    """What the client is made with, as Client takes it. Ends the one there was."""
    close()
    with _lock:
        _settings.clear()
        _settings.update(settings, url=url)


def adopt(made: Client | AsyncClient) -> None:
    """Has a client that the program made itself be the shared one."""
    global _client, _async_client
    with _lock:
        _client = made if isinstance(made, Client) else made.client()
        _async_client = made if isinstance(made, AsyncClient) else made.async_client()


def client() -> Client:
    """The Client; made by the first who asks, and again after close."""
    found = _client
    if found is None or found.closed:
        with _lock:
            if _client is None or _client.closed:
                adopt(Client(**_settings))
            found = _client
    assert found is not None
    return found


def async_client() -> AsyncClient:
    """The AsyncClient, over the same connections."""
    found = _async_client
    if found is None or found.closed:
        client()
        found = _async_client
    assert found is not None
    return found


def reset() -> None:
    """Drops connections and the plugins' state; for a worker whose event loop has changed this is not needed."""
    if _client is not None and not _client.closed:
        _client.reset()


def close() -> None:
    """Ends it, if there is one. The next who asks gets another."""
    global _client, _async_client
    with _lock:
        ending, _client, _async_client = _client, None, None
    if ending is not None:
        ending.close()


async def aclose() -> None:
    """The same, from an event loop."""
    global _client, _async_client
    with _lock:
        ending, _client, _async_client = _async_client, None, None
    if ending is not None:
        await ending.aclose()
