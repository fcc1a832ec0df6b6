"""Asynchronous clients: on asyncio's loop and on uvloop, with cancellation, streams, several loops, forks."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

import cachecore
from cachecore import AsyncClient, ClosedError, InvalidArgumentError, RejectedError

CONFORMANCE = os.environ["CACHECORE_CONFORMANCE_PLUGIN"]
Main = Callable[[AsyncClient], Coroutine[Any, Any, None]]
Runner = Callable[[Main], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest, url: str) -> Runner:
    """Runs a coroutine with a client, on either loop; what nobody handled fails the test."""

    def runner(main: Main) -> None:
        unhandled: list[dict[str, Any]] = []

        async def whole() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda loop, about: unhandled.append(about))
            async with AsyncClient(url, load=["kv", "cache", CONFORMANCE]) as client:
                await client.redis.command(["FLUSHALL"])
                await main(client)
            gc.collect()

        factory = uvloop.new_event_loop if request.param == "uvloop" else None
        with asyncio.Runner(loop_factory=factory) as loop:
            loop.run(asyncio.wait_for(whole(), 60))
        assert unhandled == []

    return runner


def test_calls_are_awaited(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        assert await client.kv.set("key", "value") is True
        assert await client.kv.get("key") == "value"
        assert await client.kv.get("nothing") is None
        await client.kv.set_dict("dict", {"a": 1})
        assert await client.kv.get_dict("dict") == {"a": 1}
        with pytest.raises(RejectedError) as caught:
            await client.kv.list_push("key", "x")
        assert (caught.value.operation, caught.value.key) == ("kv.list_push", "key")
        with pytest.raises(InvalidArgumentError):
            await client.kv.set("key", "v", ttl_ms=-1)

    run(main)


def test_many_tasks_get_their_own_replies(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        async def work(number: int) -> None:
            for turn in range(20):
                await client.kv.set(f"key:{number}", f"{number}:{turn}")
                assert await client.kv.get(f"key:{number}") == f"{number}:{turn}"

        await asyncio.gather(*[work(number) for number in range(200)])

    run(main)


def test_operations_are_futures(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        operation = client.conformance.pause(20)
        assert asyncio.isfuture(operation) and not operation.done()
        assert "pending" in repr(operation) and "conformance.pause" in repr(operation)
        done, pending = await asyncio.wait([operation, client.conformance.echo(1)])
        assert len(done) == 2 and not pending
        assert await operation == 20 == await operation
        assert await asyncio.wait_for(client.conformance.echo("x"), 10) == "x"
        assert await asyncio.shield(client.conformance.echo("x")) == "x"
        assert await asyncio.ensure_future(client.conformance.echo("x")) == "x"
        answers = await asyncio.gather(client.conformance.echo(1), client.conformance.fail(-14, "no"), return_exceptions=True)
        assert answers[0] == 1 and isinstance(answers[1], cachecore.ConflictError)
        called: list[Any] = []
        operation = client.conformance.echo((1, 2))
        operation.add_done_callback(called.append)
        operation.add_done_callback(called.append)
        assert operation.remove_done_callback(called.append) == 2
        operation.add_done_callback(lambda ended: called.append(ended.result()))
        assert await operation == [1, 2]
        operation.add_done_callback(lambda ended: called.append("late"))
        await asyncio.sleep(0)
        assert called == [[1, 2], "late"]
        with pytest.raises(asyncio.InvalidStateError):
            operation = client.conformance.pause(10)
            operation.result()
        await operation

    run(main)


def test_cancelling_ends_the_operation(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        operation = client.conformance.never(timeout_ms=-1)
        assert operation.cancel("enough") is True
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await operation
        assert operation.cancelled() and operation.cancel() is False
        task = asyncio.create_task(_await(client.conformance.never(timeout_ms=-1)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.conformance.never(timeout_ms=-1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.conformance.never(timeout_ms=-1), 0.05)
        assert running(client) == 0

    run(main)


def test_cancelling_a_gather_cancels_its_operations(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        operations = [client.conformance.never(timeout_ms=-1) for _ in range(5)]
        both = asyncio.gather(*operations)
        both.cancel()
        with pytest.raises(asyncio.CancelledError):
            await both
        assert all(each.cancelled() for each in operations)

    run(main)


def test_a_lease_whose_task_was_cancelled_is_given_back(run: Runner) -> None:
    """The answer has come, but the task is cancelled before it runs again: the next caller is told to load at once."""

    async def main(client: AsyncClient) -> None:
        async def look(cancelled_by: asyncio.Event) -> None:
            await client.cache.lookup("region", "key")
            raise AssertionError("the task went on")

        task = asyncio.create_task(look(asyncio.Event()))
        await asyncio.sleep(0)
        operation = task.get_coro().cr_await  # type: ignore[union-attr]
        while not operation.done():
            # The loop does not run, so the completion waits in the queue: it is settled and the task woken by drain.
            task.cancel()
            await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        answer = await client.cache.lookup("region", "key", 20_000)
        assert answer["state"] == "load"
        await client.cache.store(answer["lease"], 1)

    run(main)


def running(client: AsyncClient) -> int:
    return int(client.client().core.drain(0)["running"])


async def _await(awaitable: Any) -> Any:
    return await awaitable


def test_a_coroutine_that_is_closed_leaves_its_operation(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        coroutine = _await(client.conformance.never(timeout_ms=-1))
        coroutine.send(None)
        coroutine.close()
        deadline = asyncio.get_running_loop().time() + 10
        while running(client) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        assert running(client) == 0

    run(main)


def test_context_variables_are_the_tasks_own(run: Runner) -> None:
    import contextvars

    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")

    async def main(client: AsyncClient) -> None:
        async def work(number: int) -> None:
            variable.set(number)
            for _ in range(5):
                await client.conformance.echo(number)
                assert variable.get() == number

        await asyncio.gather(*[work(number) for number in range(20)])

    run(main)


def test_a_callback_that_raises_reaches_the_loops_handler(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        told: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, about: told.append(about["exception"]))
        operation = client.conformance.echo(1)
        operation.add_done_callback(lambda ended: 1 / 0)
        other = client.conformance.echo(2)
        assert await other == 2
        await operation
        assert [type(each) for each in told] == [ZeroDivisionError]

    run(main)


def test_an_error_that_nobody_looked_at_is_told(url: str) -> None:
    told: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, about: told.append(about["message"]))
        async with AsyncClient(url) as client:
            await client.kv.list_push("list", "x")
            operation = client.kv.get("list")
            await asyncio.wait([operation])
            del operation
            gc.collect()

    asyncio.run(main())
    assert any("never retrieved" in message for message in told)


def test_streams(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        assert [item async for item in client.conformance.emit(3)] == [0, 1, 2]
        with pytest.raises(cachecore.CorruptError):
            async for _ in client.conformance.emit(1, "fail"):
                pass
        async with client.redis.subscribe(["news"]) as news:
            await anext(news)
            await client.redis.publish("news", "hello")
            assert "hello" in str(await anext(news))
            waiting = asyncio.create_task(_await(news._native.next()))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task"):
                await anext(news)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await client.redis.publish("news", "again")
            assert "again" in str(await anext(news))
        assert running(client) == 0

    run(main)


def test_closing_ends_what_waits(run: Runner) -> None:
    async def main(client: AsyncClient) -> None:
        operations = [client.conformance.never(timeout_ms=-1) for _ in range(3)]
        stream = client.conformance.emit(0, "hold")
        item = asyncio.create_task(_await(anext(stream)))
        await asyncio.sleep(0)
        await client.aclose()
        for operation in operations:
            with pytest.raises(ClosedError):
                await operation
        with pytest.raises((ClosedError, StopAsyncIteration)):
            try:
                await item
            except RuntimeError as error:  # how a task shows a StopAsyncIteration
                raise StopAsyncIteration from error
        with pytest.raises(ClosedError):
            await client.kv.get("key")

    run(main)


def test_one_client_serves_loops_one_after_the_other_and_at_once(url: str) -> None:
    client = AsyncClient(url)

    async def work(name: str) -> None:
        for turn in range(50):
            await client.kv.set(name, str(turn))
            assert await client.kv.get(name) == str(turn)

    for turn in range(5):
        asyncio.run(work(f"turn:{turn}"))
    errors: list[BaseException] = []

    def thread(name: str) -> None:
        try:
            asyncio.run(work(name))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=thread, args=(f"thread:{number}",)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert len(client._handle._queues) <= 5
    client.client().close()


def test_a_client_closed_by_a_thread_ends_what_a_loop_waits_for(url: str) -> None:
    async def main() -> None:
        client = AsyncClient(url, load=[CONFORMANCE])
        operation = client.conformance.never(timeout_ms=-1)
        threading.Timer(0.1, client.client().close).start()
        with pytest.raises(ClosedError):
            await operation

    asyncio.run(main())


def test_without_a_loop_it_says_so(url: str) -> None:
    client = AsyncClient(url)
    with pytest.raises(RuntimeError, match="no running event loop"):
        client.kv.get("key")
    client.client().close()


def test_on_error_default_is_awaited_too() -> None:
    async def main() -> None:
        async with AsyncClient("redis://127.0.0.1:1", on_error="default", timeout_ms=300) as client:
            assert await client.kv.get("key") is None
            assert await client.kv.set("key", "value") is False

    asyncio.run(main())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_ctrl_c_and_exits_with_operations_pending(url: str, loop: str) -> None:
    program = f"""
        import asyncio, os, signal, sys, threading, cachecore
        if "{loop}" == "uvloop":
            import uvloop; uvloop.install()
        async def main():
            client = cachecore.AsyncClient(sys.argv[1])
            await client.redis.ping()
            waiting = [client.redis.command(["BLPOP", "nothing", "0"], timeout_ms=-1) for _ in range(3)]
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            await waiting[0]
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        async def leave():
            client = cachecore.AsyncClient(sys.argv[1])
            await client.redis.ping()
            client.redis.command(["BLPOP", "nothing", "0"], timeout_ms=-1)
            os.write(1, b"leaving\\n")
            sys.exit(0)
        asyncio.run(leave())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), url], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, sorted(done.stdout.split())) == (0, ["interrupted", "leaving"]), done.stderr
    assert "Traceback" not in done.stderr


def test_a_forked_child_has_loops_of_its_own(url: str) -> None:
    program = """
        import asyncio, os, sys, cachecore
        client = cachecore.AsyncClient(sys.argv[1])
        async def get(): return await client.kv.get("key")
        async def main():
            await client.kv.set("key", "value")
            return client.redis.command(["BLPOP", "nothing", "1"])
        pending = asyncio.new_event_loop().run_until_complete(main())
        child = os.fork()
        if child == 0:
            fine = [asyncio.run(get()), asyncio.run(get())] == ["value", "value"]
            os._exit(0 if fine else 1)
        print(os.waitpid(child, 0)[1], asyncio.run(get()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), url], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "0 value\n", done
