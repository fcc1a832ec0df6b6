"""Items of streaming methods: `for item in client.redis.subscribe("news")`, and the same with `async for`.

A stream runs until it is closed, fails, or its client closes. It is a context manager, and closes when it is garbage.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any

from . import _native


class Stream(Iterator[Any]):
    """For blocking programs. Ctrl-C ends the wait for an item; close, from any thread, ends the stream."""

    def __init__(self, native: _native.BlockingStream) -> None:
        self._native = native

    def __next__(self) -> Any:
        return next(self._native)

    def close(self) -> None:
        self._native.cancel()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncStream(AsyncIterator[Any]):
    """For asyncio: one task takes its items."""

    def __init__(self, native: _native.Stream) -> None:
        self._native = native

    async def __anext__(self) -> Any:
        return await self._native.next()

    async def aclose(self) -> None:
        """Ends it, and waits for the end: afterwards nothing of it is under way."""
        self._native.cancel()
        while not self._native.ended:
            try:
                await self._native.next()
            except StopAsyncIteration:
                return

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self.aclose()
