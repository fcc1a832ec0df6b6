"""Tasks and the program that runs them, over the plugin `queue`.

    worker = Worker(queues=["mail", "reports"], concurrency=8)

    @worker.task(queue="mail", max_attempts=5)
    async def send_mail(address: str, subject: str) -> None: ...

    send_mail.push("ada@example.org", "hello", delay=60)     # from any program
    worker.run()                                              # in the worker's; or: await worker.serve()

Tasks may be plain functions, which run in threads, or `async def`. A task's lease is renewed while it runs, so a long one
is not given to others; one that fails is tried again after its backoff, and is dead after max_attempts. What a task
returns is kept as the job's result.

Plain lists. `@worker.consumer("legacy:mail")` takes the items of a Redis list that other programs push to, oldest first.

Stopping. SIGTERM or SIGINT: nothing more is claimed, what runs is waited for (`grace`), and what is left goes back to its
queue at once. A second signal does not wait.

Names. A task is called "module.function"; in the program that is started itself (`__main__`) by the name under which
others import it, so that both sides agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import json
import logging
import signal
import sys
import typing
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from . import shared
from .caching import ClientSource
from .client import AsyncClient, Client
from .durations import Duration, milliseconds
from .errors import CAN_RETRY, ConflictError, RedisOperationError
from .values import restore, to_plain

log = logging.getLogger("cachecore.worker")
P = ParamSpec("P")
R = TypeVar("R")

CLAIM_WAIT_MS = 5_000
AWAY_PAUSE = 1.0


class Retry(Exception):
    """Raised by a task: try it again, after `delay` seconds, else after its backoff. It counts as an attempt."""

    def __init__(self, delay: Duration | None = None, reason: str = "the task asked to be tried again") -> None:
        super().__init__(reason)
        self.delay = delay


class Reject(Exception):
    """Raised by a task: do not try it again; the job is dead at once."""


def task_name(function: Callable[..., Any]) -> str:
    module = function.__module__
    if module == "__main__":
        main = sys.modules["__main__"]
        spec = getattr(main, "__spec__", None)
        if spec is not None:  # python -m package.module
            module = spec.name.removesuffix(".__main__")
        elif getattr(main, "__file__", None):
            module = Path(main.__file__ or "").stem
    return f"{module}.{function.__qualname__}"


class Task(Generic[P, R]):
    """A function that a worker runs. Calling it runs it here."""

    def __init__(self, worker: Worker, function: Callable[P, R], name: str, queue: str, options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.worker = worker
        self.function = function
        self.name = name
        self.queue = queue
        self.options = options
        self._hints: dict[str, Any] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def payload(self, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
        inspect.signature(self.function).bind(*args, **kwargs)  # a wrong call fails here, not in the worker
        return json.dumps({"task": self.name, "args": to_plain(args), "kwargs": to_plain(kwargs)}, ensure_ascii=False)

    def push(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Has a worker run it: {id, pushed}. Awaited where the worker's client is an AsyncClient."""
        return self.push_with({}, *args, **kwargs)

    def push_with(self, options: dict[str, Any], *args: P.args, **kwargs: P.kwargs) -> Any:
        """The same with options of queue.push for this job: {"delay": 60, "id": "...", "priority": 5}; durations
        without _ms in seconds, `at` a datetime."""
        given = _push_options({**self.options, **options})
        return self.worker.client().queue.push(self.queue, self.payload(args, kwargs), given or None)

    def arguments(self, args: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What JSON has, as the annotations say."""
        if self._hints is None:
            try:
                self._hints = typing.get_type_hints(self.function)
            except NameError:
                self._hints = {}
        names = list(inspect.signature(self.function).parameters)
        hints = self._hints
        restored = [restore(each, hints.get(names[at], Any)) if at < len(names) else each for at, each in enumerate(args)]
        return restored, {name: restore(each, hints.get(name, Any)) for name, each in kwargs.items()}


def _push_options(given: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("delay", "dedupe", "ttl", "keep"):
            options[name + "_ms"] = milliseconds(value)
        elif name == "at":
            options["run_at"] = round(value.timestamp() * 1000) if isinstance(value, datetime) else value
        else:
            options[name] = value
    return options


class Worker:
    """See the module. Thread rule: tasks are declared before it runs; stop may be called from anywhere."""

    def __init__(
        self,
        queues: Sequence[str] = ("default",),
        *,
        concurrency: int = 8,
        grace: Duration = 30,
        lease: Duration = 30,
        client: ClientSource = None,
    ) -> None:
        self.queues = list(queues)
        self.concurrency = concurrency
        self.grace = milliseconds(grace) / 1000
        self._lease_ms = milliseconds(lease)
        self._client = client
        self.tasks: dict[str, Task[..., Any]] = {}
        self._consumers: dict[str, Callable[[Any], Any]] = {}
        self._running: dict[asyncio.Task[None], Any] = {}
        self._ended: list[Any] = []
        self._flushing: asyncio.Task[None] | None = None
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hurried = False

    def client(self) -> Client | AsyncClient:
        found = self._client() if callable(self._client) else self._client
        return shared.client() if found is None else found

    def _aclient(self) -> AsyncClient:
        found = self.client()
        found = found.async_client() if isinstance(found, Client) else found
        return found.using(on_error="raise", decode=True)

    # ---- declaring ----

    def task(
        self, name: str | None = None, *, queue: str | None = None, **options: Any
    ) -> Callable[[Callable[P, R]], Task[P, R]]:
        """Declares a task. Options are those of queue.push, for all its jobs: max_attempts, backoff, priority, delay ..."""

        def declare(function: Callable[P, R]) -> Task[P, R]:
            made = Task(self, function, name or task_name(function), queue or self.queues[0], options)
            if made.name in self.tasks:
                raise ValueError(f"there are two tasks called {made.name}")
            self.tasks[made.name] = made
            return made

        return declare

    def consumer(self, key: str) -> Callable[[Callable[[Any], R]], Callable[[Any], R]]:
        """Declares what takes the items of a plain list. An item that is taken is gone, however the function ends."""

        def declare(function: Callable[[Any], R]) -> Callable[[Any], R]:
            self._consumers[key] = function
            return function

        return declare

    # ---- running ----

    def run(self) -> None:
        """Runs until a signal, or stop."""
        asyncio.run(self.serve())

    def stop(self) -> None:
        """Ends serve as SIGTERM does; from any thread."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def _on_signal(self) -> None:
        assert self._stopping is not None
        if self._stopping.is_set():
            self._hurried = True
            for task in list(self._running):
                task.cancel()
        self._stopping.set()

    async def serve(self, *, signals: bool = True) -> None:
        """Runs until a signal (unless `signals` is false), stop, or this is cancelled."""
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._hurried = False
        handled = [signal.SIGTERM, signal.SIGINT] if signals else []
        for each in handled:
            self._loop.add_signal_handler(each, self._on_signal)
        self._threads = ThreadPoolExecutor(self.concurrency, thread_name_prefix="cachecore task")
        client = self._aclient()
        loops = [asyncio.create_task(self._take_jobs(client))] if self.tasks else []
        loops += [asyncio.create_task(self._take_items(client, key, each)) for key, each in self._consumers.items()]
        log.info("worker: %d tasks, queues %s", len(self.tasks), ", ".join(self.queues))
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([stopped, *loops], return_when=asyncio.FIRST_COMPLETED)
            for ended in done - {stopped}:
                ended.result()  # a loop ends by an error alone
        finally:
            await self._wind_down(client, [stopped, *loops])
            for each in handled:
                self._loop.remove_signal_handler(each)
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _wind_down(self, client: AsyncClient, loops: list[asyncio.Task[Any]]) -> None:
        for each in loops:
            each.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        if self._running and not self._hurried:
            log.info("worker: waiting for %d tasks", len(self._running))
            await asyncio.wait(list(self._running), timeout=self.grace)
        left = dict(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for job in left.values():
            with contextlib.suppress(RedisOperationError):
                await client.queue.release(job["job"])
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        await self._acknowledge(client)

    async def _take_jobs(self, client: AsyncClient) -> None:
        while True:
            free = self.concurrency - len(self._running)
            if free <= 0:
                await asyncio.wait(list(self._running), return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                jobs = await client.queue.claim(self.queues, free, CLAIM_WAIT_MS, self._lease_ms)
            except CAN_RETRY as error:
                log.warning("worker: %s; trying again", error)
                await asyncio.sleep(AWAY_PAUSE)
                continue
            for job in jobs or []:
                task = asyncio.create_task(self._run_job(client, job), name=f"job {job['id']}")
                self._running[task] = job
                task.add_done_callback(lambda done: self._running.pop(done, None))

    async def _run_job(self, client: AsyncClient, job: dict[str, Any]) -> None:
        end: dict[str, Any] = {"job": job["job"]}
        try:
            result = await self._run_task(job)
            if result is not None:
                end["result"] = to_plain(result)
        except asyncio.CancelledError:
            raise  # it goes back to its queue
        except Retry as retry:
            end["error"] = str(retry)
            if retry.delay is not None:
                end["retry_in_ms"] = milliseconds(retry.delay)
        except Reject as reject:
            end.update(error=f"{type(reject).__name__}: {reject}", retry_in_ms=-1)
        except Exception as error:
            log.exception("worker: job %s of %s failed, attempt %s", job["id"], job["queue"], job["attempt"])
            end["error"] = f"{type(error).__name__}: {error}"[:2000]
        self._ended.append(end)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._acknowledge(client))

    async def _run_task(self, job: dict[str, Any]) -> Any:
        try:
            payload = json.loads(job["payload"]) if isinstance(job["payload"], (str, bytes)) else job["payload"]
            task = self.tasks[payload["task"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Reject(f"no task of this worker: {error}") from error
        args, kwargs = task.arguments(payload.get("args", []), payload.get("kwargs", {}))
        return await self._call(task.function, *args, **kwargs)

    async def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if inspect.iscoroutinefunction(function):
            return await function(*args, **kwargs)
        assert self._loop is not None
        return await self._loop.run_in_executor(self._threads, functools.partial(function, *args, **kwargs))

    async def _acknowledge(self, client: AsyncClient) -> None:
        """Ends jobs together: those that ended while the last ones were being told are told next."""
        while self._ended:
            ends, self._ended = self._ended, []
            try:
                await client.queue.claim(self.queues, 0, done=ends)
            except ConflictError as error:
                log.warning("worker: %s", error)
            except CAN_RETRY as error:
                log.warning("worker: %s; trying again", error)
                self._ended = ends + self._ended
                await asyncio.sleep(AWAY_PAUSE)

    async def _take_items(self, client: AsyncClient, key: str, function: Callable[[Any], Any]) -> None:
        while True:
            try:
                item = await client.queue.dequeue(key, -1)
            except CAN_RETRY as error:
                log.warning("worker: %s: %s; trying again", key, error)
                await asyncio.sleep(AWAY_PAUSE)
                continue
            if item is None:
                continue
            try:
                await asyncio.shield(self._call(function, item["value"]))
            except Exception:
                log.exception("worker: an item of %s failed", key)
