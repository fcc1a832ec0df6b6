"""Locks as a scope, over the plugin `lock`.

    with lock("report:42", wait=10) as held:
        storage.write(report, fence=held.fence)      # the resource refuses an older fence

    async with lock("report:42", wait=10, cancel_when_lost=True):
        ...

The lease is renewed by the library's own thread for as long as the scope lasts. A lock is lost when it could not be
renewed (Redis is away, the process was stopped), or was taken by force: `held.lost` says so, and `held.check()` asks the
server. Nobody else holds it before its lease has ended, but work that goes on after that needs the fence.

Thread rule: a scope belongs to the thread or task that entered it; an object may be entered again and again, one after
another.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from . import shared
from .caching import ClientSource
from .client import AsyncClient, Client
from .durations import Duration, milliseconds
from .errors import ConflictError, RedisOperationError

log = logging.getLogger("cachecore")


class Held:
    """A lock that is held: its fence, and whether it still is."""

    def __init__(self, names: Sequence[str], locks: list[Any], fences: list[int]) -> None:
        self.names = list(names)
        self.handles = locks
        self.fences = fences
        self.lost = False
        self.reason = ""

    @property
    def fence(self) -> int:
        """Higher than that of anybody who held this lock before."""
        return self.fences[0]


class lock:
    """lock(name, ...): `name` may be a list of names, which are taken all or none.

    lease             how long it is held without being renewed (30 s)
    wait              how long to wait for it: 0 not at all (BusyError), -1 for ever
    mode              "exclusive", "read", "write", or "semaphore" with `permits`
    owner             who holds it may take it again: without one every scope is its own owner
    max_hold          it is renewed no longer than this
    cancel_when_lost  async with: the task is cancelled when the lock is lost, and the scope raises ConflictError
    """

    def __init__(
        self,
        name: str | Sequence[str],
        *,
        lease: Duration = 30,
        wait: Duration = 0,
        mode: str = "exclusive",
        permits: int | None = None,
        owner: str | None = None,
        renew: bool = True,
        max_hold: Duration | None = None,
        cancel_when_lost: bool = False,
        client: ClientSource = None,
    ) -> None:
        self.names = [name] if isinstance(name, str) else list(name)
        self._wait_ms = milliseconds(wait)
        self._arguments: dict[str, Any] = {
            "lease_ms": milliseconds(lease),
            "wait_ms": self._wait_ms,
            "mode": mode,
            "permits": permits,
            "owner": owner,
            "renew": renew,
            "max_hold_ms": None if max_hold is None else milliseconds(max_hold),
        }
        self._cancel_when_lost = cancel_when_lost
        self._client = client
        self._held: Held | None = None
        self._watchers: list[Any] = []
        self._task_was_cancelled = False

    # ---- what both ways share ----

    def _methods(self, asynchronous: bool) -> Any:
        found = self._client() if callable(self._client) else self._client
        if found is None:
            found = shared.async_client() if asynchronous else shared.client()
        elif asynchronous and isinstance(found, Client):
            found = found.async_client()
        elif not asynchronous and isinstance(found, AsyncClient):
            found = found.client()
        return found.using(on_error="raise").lock

    def _acquire(self, methods: Any) -> Any:
        if self._held is not None:
            raise RuntimeError("this lock object is entered already: make one for each scope that overlaps")
        if len(self.names) == 1:
            return methods.acquire(self.names[0], **self._arguments)
        return methods.acquire_many(self.names, **self._arguments)

    def _granted(self, answer: Any) -> Held:
        grants = answer if isinstance(answer, list) else [answer]
        self._held = Held(self.names, [each["lock"] for each in grants], [each["fence"] for each in grants])
        return self._held

    def _noted(self, event: Any) -> bool:
        """Whether an event of watch says that the lock is lost."""
        if self._held is None or event.get("event") != "lost":
            return False
        self._held.lost = True
        self._held.reason = event.get("reason") or ""
        return True

    def _left(self, failure: RedisOperationError | None, error: BaseException | None) -> None:
        if failure is None:
            return
        if isinstance(failure, ConflictError):
            log.warning("lock %s was lost before it was released", ", ".join(self.names))
        elif error is None:
            raise failure
        else:
            log.warning("lock %s could not be released: %s", ", ".join(self.names), failure)

    # ---- with ----

    def __enter__(self) -> Held:
        methods = self._methods(False)
        held = self._granted(self._acquire(methods))
        for handle in held.handles:
            stream = methods.watch(handle)
            self._watchers.append(stream)
            threading.Thread(target=self._watch, args=(stream,), name="cachecore lock watch", daemon=True).start()
        return held

    def _watch(self, stream: Any) -> None:
        try:
            for event in stream:
                self._noted(event)
        except RedisOperationError as error:
            log.debug("lock watch: %s", error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        held, self._held = self._held, None
        assert held is not None
        methods = self._methods(False)
        failure: RedisOperationError | None = None
        for handle in held.handles:
            try:
                methods.release(handle)
            except RedisOperationError as failed:
                failure = failed
        for stream in self._watchers:
            stream.close()
        self._watchers.clear()
        self._left(failure, error)

    # ---- async with ----

    async def __aenter__(self) -> Held:
        methods = self._methods(True)
        held = self._granted(await self._acquire(methods))
        task = asyncio.current_task()
        self._task_was_cancelled = False
        for handle in held.handles:
            watcher = asyncio.create_task(self._awatch(methods, handle, task), name="cachecore lock watch")
            self._watchers.append(watcher)
        return held

    async def _awatch(self, methods: Any, handle: Any, task: asyncio.Task[Any] | None) -> None:
        try:
            async with methods.watch(handle) as stream:
                async for event in stream:
                    if self._noted(event) and self._cancel_when_lost and task is not None:
                        self._task_was_cancelled = True
                        task.cancel("the lock was lost")
        except RedisOperationError as error:
            log.debug("lock watch: %s", error)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        held, self._held = self._held, None
        assert held is not None
        methods = self._methods(True)
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher.cancel()
        failure: RedisOperationError | None = None
        try:
            for handle in held.handles:
                try:
                    await methods.release(handle)
                except RedisOperationError as failed:
                    failure = failed
        finally:
            await asyncio.gather(*watchers, return_exceptions=True)
        if self._task_was_cancelled:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            raise ConflictError(
                f"the lock was lost while it was held: {held.reason}", operation="lock.watch", key=held.names[0]
            ) from error
        self._left(failure, error)
