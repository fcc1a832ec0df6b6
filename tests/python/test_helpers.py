"""Decorators, the shared client, lock scopes, sessions, workers."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import needs

import cachecore
from cachecore import BusyError, ConflictError, cached, get_with_fallback, lock, sessions, shared
from cachecore.worker import Reject, Retry, Worker, task_name


@pytest.fixture
def common(url: str) -> Iterator[cachecore.Client]:
    shared.configure(url)
    shared.client().redis.command(["FLUSHALL"])
    yield shared.client()
    shared.close()


@dataclasses.dataclass
class User:
    id: int
    born: date


# ---- the shared client ----


def test_the_shared_client_is_made_when_needed(url: str) -> None:
    shared.configure(url, key_prefix="shared:")
    first = shared.client()
    assert shared.client() is first
    assert shared.async_client()._handle is first._handle
    first.kv.set("key", "1")
    shared.close()
    shared.close()
    assert first.closed
    assert shared.client().kv.get("key") == "1"
    shared.reset()
    assert shared.client().kv.get("key") == "1"
    asyncio.run(shared.aclose())


# ---- cached ----


def test_one_load_however_many_threads_ask(common: cachecore.Client) -> None:
    loads: list[int] = []

    @cached("user:{user_id}", expire=600)
    def load_user(user_id: int) -> User:
        loads.append(user_id)
        time.sleep(0.05)
        return User(user_id, date(1815, 12, 10))

    threads = [threading.Thread(target=load_user, args=(42,)) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert loads == [42]
    assert load_user(42) == User(42, date(1815, 12, 10)) == load_user(user_id=42)
    load_user.invalidate(42)
    assert load_user(42).id == 42 and loads == [42, 42]
    assert load_user.refresh(42) == load_user(42) and len(loads) == 3
    load_user(7)
    load_user.invalidate_matching("user:4*")
    load_user(7)
    load_user(42)
    assert loads[3:] == [7, 42]
    load_user.invalidate_all()
    load_user(7)
    assert loads[5:] == [7]
    assert load_user.key(5) == "user:5"


def test_asynchronous_functions_and_methods(common: cachecore.Client) -> None:
    class Shop:
        def __init__(self, name: str) -> None:
            self.name = name
            self.loads = 0

        @cached("stock:{self.name}:{item}", expire=60)
        async def stock(self, item: str) -> dict[str, int]:
            self.loads += 1
            await asyncio.sleep(0.02)
            return {item: self.loads}

        @staticmethod
        @cached("rate:{currency}", expire=60)
        def rate(currency: str) -> float:
            return 1.5

    async def main() -> None:
        a, b = Shop("a"), Shop("b")
        assert await asyncio.gather(*[a.stock("tea") for _ in range(20)]) == [{"tea": 1}] * 20
        assert await b.stock("tea") == {"tea": 1}
        await a.stock.invalidate("tea")
        assert await a.stock("tea") == {"tea": 2} and b.loads == 1
        assert a.stock.key("tea") == "stock:a:tea"
        assert Shop.rate("eur") == 1.5

    asyncio.run(main())


def test_failures_of_the_loader(common: cachecore.Client) -> None:
    calls: list[int] = []

    @cached("flaky:{x}", expire=60)
    def flaky(x: int) -> int | None:
        calls.append(x)
        if len(calls) == 1:
            raise RuntimeError("no")
        return None

    with pytest.raises(RuntimeError, match="no"):
        flaky(1)
    assert flaky(1) is None and flaky(1) is None
    assert len(calls) == 2  # "there is none" is kept, too


def test_a_cancelled_loader_gives_its_lease_back(common: cachecore.Client) -> None:
    @cached("slow:{x}", expire=60)
    async def slow(x: int) -> int:
        await asyncio.sleep(30 if not done else 0)
        return x

    done: list[bool] = []

    async def main() -> None:
        task = asyncio.create_task(slow(1))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        done.append(True)
        assert await asyncio.wait_for(slow(1), 10) == 1

    asyncio.run(main())


def test_redis_away_the_source_answers() -> None:
    with cachecore.Client("redis://127.0.0.1:1", call_timeout_ms=500) as away:
        calls: list[int] = []

        @cached("away:{x}", expire=60, client=away)
        def load(x: int) -> int:
            calls.append(x)
            return x

        assert [load(1), load(2)] == [1, 2] and calls[:2] == [1, 2]
        assert get_with_fallback("key", lambda: "source", "default", client=away) == "source"


def test_what_is_stored_wrongly_is_loaded_anew(common: cachecore.Client) -> None:
    @cached("typed:{x}", expire=60)
    def load(x: int) -> User:
        return User(x, date(2026, 1, 1))

    common.cache.set("typed", "typed:1", "nonsense")
    assert load(1) == User(1, date(2026, 1, 1))
    assert common.cache.get("typed", "typed:1") == {"id": 1, "born": "2026-01-01"}


def test_wrong_decorations_are_named() -> None:
    with pytest.raises(TypeError, match="user_id"):

        @cached("user:{user_id}")
        def load(other: int) -> int:
            return other


def test_get_with_fallback(common: cachecore.Client, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Any:
        raise RuntimeError("no source")

    assert get_with_fallback("a", fails, "default") == "default"
    assert "no source" in caplog.text
    assert get_with_fallback("a", lambda: {"from": "source"}, "default", expire=60) == {"from": "source"}
    assert get_with_fallback("a", fails, "default") == {"from": "source"}
    assert get_with_fallback("none", lambda: None, "default") == "default"

    async def source() -> str:
        return "async"

    async def main() -> None:
        assert await get_with_fallback("b", source, "default") == "async"
        assert await get_with_fallback("b", fails, "default", client=shared.async_client()) == "async"

    asyncio.run(main())


# ---- locks ----


def test_a_lock_is_held_by_one(common: cachecore.Client) -> None:
    needs(common, "lock")
    with lock("report") as first:
        assert first.fence > 0 and not first.lost
        with pytest.raises(BusyError), lock("report"):
            pass
    with lock("report") as second:
        assert second.fence > first.fence
    with lock(["a", "b"]) as both:
        assert len(both.fences) == 2
    counter = [0]

    def work() -> None:
        with lock("counter", wait=20):
            seen = counter[0]
            time.sleep(0.002)
            counter[0] = seen + 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert counter == [8]


def test_an_asynchronous_lock_tells_when_it_is_lost(common: cachecore.Client) -> None:
    needs(common, "lock")

    async def main() -> None:
        async with lock("name") as held:
            with pytest.raises(BusyError):
                async with lock("name"):
                    pass
        assert not held.lost
        with pytest.raises(ConflictError, match="lost"):
            async with lock("name", cancel_when_lost=True) as held:
                await shared.async_client().lock.force_release("name")
                await asyncio.sleep(20)
        assert held.lost
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
        # A task that is cancelled as it is granted holds nothing.
        async with lock("other"):
            waiting = [asyncio.create_task(_enter("other")) for _ in range(5)]
            await asyncio.sleep(0.05)
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        async with lock("other", wait=10):
            pass
        await shared.aclose()

    asyncio.run(main())


async def _enter(name: str) -> None:
    async with lock(name, wait=20):
        await asyncio.sleep(20)


# ---- sessions ----


def test_sessions_are_changed_in_part(common: cachecore.Client) -> None:
    needs(common, "session")
    made = sessions.create("ada", {"theme": "dark", "since": date(2026, 1, 1)}, client=common, idle=1800)
    one, two = sessions.load(made.id, client=common), sessions.load(made.id, client=common)
    assert one["since"] == "2026-01-01" and one.user_id == "ada" and len(one) == 2
    one["theme"] = "light"
    two["cart"] = [1]
    assert one.save() and two.save()
    both = sessions.load(made.id, client=common)
    assert dict(both) == {"theme": "light", "since": "2026-01-01", "cart": [1]}
    del both["cart"]
    one["x"] = 1
    assert both.save() and one.changed
    with pytest.raises(ConflictError):
        one.save(only_unchanged=True)
    assert one.changed
    assert both.touch() > 0
    before = both.id
    assert both.regenerate("grace") and both.id != before
    assert sessions.load(both.id, client=common).user_id == "grace"
    assert both.destroy() and sessions.load(both.id, client=common) is None
    both["y"] = 1
    assert both.save() is False

    async def main() -> None:
        client = common.async_client()
        made = await sessions.create(None, {"a": 1}, client=client)
        made["b"] = 2
        assert await made.save()
        assert dict(await sessions.load(made.id, client=client)) == {"a": 1, "b": 2}
        assert await sessions.load("nonsense", client=client) is None

    asyncio.run(main())


# ---- workers ----


def test_tasks_run_are_tried_again_and_die(common: cachecore.Client) -> None:
    needs(common, "queue")
    worker = Worker(["jobs"], concurrency=4, grace=5)
    ran: list[Any] = []

    @worker.task(max_attempts=3, backoff={"type": "fixed", "delay_ms": 10})
    async def flaky(x: int) -> int:
        ran.append(("flaky", x))
        if len([each for each in ran if each == ("flaky", x)]) < 3:
            raise RuntimeError("again")
        return x * 2

    @worker.task()
    def typed(user: User, when: date) -> None:
        ran.append((user, when))

    @worker.task()
    def rejects() -> None:
        raise Reject("never")

    @worker.task(max_attempts=2)
    async def retries() -> None:
        ran.append("retries")
        raise Retry(0.01)

    @worker.consumer("plain:list")
    def consume(value: Any) -> None:
        ran.append(("plain", value))
        worker.stop()

    pushed = flaky.push(21)
    typed.push(User(1, date(2026, 1, 1)), when=date(2026, 1, 2))
    dead = rejects.push()
    retried = retries.push()
    with pytest.raises(TypeError):
        typed.push(1, 2, 3)  # type: ignore[call-arg]

    async def main() -> None:
        serving = asyncio.create_task(worker.serve(signals=False))
        client = shared.async_client()
        for _ in range(400):
            states = [(await client.queue.get("jobs", each["id"]) or {}).get("state") for each in (pushed, dead, retried)]
            if states == ["completed", "dead", "dead"]:
                break
            await asyncio.sleep(0.025)
        assert states == ["completed", "dead", "dead"]
        assert (await client.queue.get("jobs", pushed["id"]))["result"] == 42
        await client.redis.command(["RPUSH", "plain:list", "item"])
        await asyncio.wait_for(serving, 20)
        await shared.aclose()

    asyncio.run(main())
    assert ran.count(("flaky", 21)) == 3 and ran.count("retries") == 2
    assert (User(1, date(2026, 1, 1)), date(2026, 1, 2)) in ran and ("plain", "item") in ran


def test_a_worker_program_stops_gracefully(common: cachecore.Client, url: str, tmp_path: Path) -> None:
    """Also: tasks of the program that is started itself have the name under which others import it."""
    needs(common, "queue")
    program = tmp_path / "shop_tasks.py"
    program.write_text(
        "import os, time\n"
        "from cachecore import Worker, shared\n"
        f"shared.configure({url!r})\n"
        "worker = Worker(['mail'], concurrency=2, grace=20)\n"
        "@worker.task()\n"
        "def send(number: int) -> int:\n"
        "    shared.client().kv.list_push('started', str(number))\n"
        "    time.sleep(0.5)\n"
        "    shared.client().kv.list_push('sent', str(number))\n"
        "    return number\n"
        "if __name__ == '__main__':\n"
        "    worker.run()\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ['PYTHONPATH']}"}
    push = "import shop_tasks; [shop_tasks.send.push(n) for n in range(5)]; print(shop_tasks.send.name)"
    pushed = subprocess.run([sys.executable, "-c", push], env=environment, capture_output=True, text=True, check=True)
    assert pushed.stdout == "shop_tasks.send\n"
    worker = subprocess.Popen([sys.executable, str(program)], env=environment)
    try:
        deadline = time.monotonic() + 20
        while len(common.kv.list_range("started")) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    finally:
        worker.kill()
    started, sent = common.kv.list_range("started"), common.kv.list_range("sent")
    assert sorted(started) == sorted(sent) and 2 <= len(sent) <= 5
    counts = common.queue.counts("mail")
    assert counts["active"] == 0 and counts["ready"] == 5 - len(sent)


def test_names_of_tasks() -> None:
    assert task_name(test_names_of_tasks) == f"{__name__}.test_names_of_tasks"
