"""A real Celery worker: prefork, one task a child, warm and cold shutdown, Redis as broker and result store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import contextlib, os, sys, time
import cachecore.celery
from cachecore import cached, shared
from celery import Celery

app = Celery("tasks")
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_hijack_root_logger = False

@contextlib.contextmanager
def resources(task):
    shared.client().kv.list_push("order", f"enter {task.name}")
    try:
        yield
    finally:
        shared.client().kv.list_push("order", f"leave {task.name}")

cachecore.celery.install(app, os.environ["TEST_URL"], key_prefix="app:", resources=resources)
shared.client().kv.set("parent", "1")  # connected before the fork

@cached("square:{x}", expire=60)
def square(x: int) -> int:
    return x * x

@app.task
def compute(x):
    shared.client().kv.set(f"pid:{x}", str(os.getpid()))
    return square(x)

@app.task
def fails():
    raise RuntimeError("no")

@app.task(acks_late=True)
def long(seconds):
    shared.client().kv.set("long", "began")
    time.sleep(seconds)
    shared.client().kv.set("long", "ended")
"""


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Celery's own client needs TCP."""
    import socket

    directory = tmp_path_factory.mktemp("redis")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    program = os.environ.get("CACHECORE_TEST_REDIS_SERVER", "redis-server")
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)],
        stdout=subprocess.DEVNULL,
    )
    yield port
    server.kill()
    server.wait()


@pytest.fixture
def celery(redis_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts workers over the program; gives (module, start)."""
    import importlib

    from cachecore import shared

    monkeypatch.setenv("TEST_URL", f"redis://127.0.0.1:{redis_port}/0")
    name = f"program_{time.monotonic_ns()}"
    (tmp_path / f"{name}.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module(name)
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", name, "worker", "--loglevel", "WARNING", "--without-gossip",
             "--without-mingle", "--without-heartbeat", *options],
            cwd=tmp_path,
            env=os.environ,
        )  # fmt: skip
        started.append(worker)
        return worker

    yield module, start
    for worker in started:
        if worker.poll() is None:
            worker.kill()
            worker.wait()
    shared.client().redis.command(["FLUSHALL"])
    shared.close()


def wait_for(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_prefork_with_one_task_a_child_and_a_warm_shutdown(celery: Any) -> None:
    module, start = celery
    from cachecore import shared

    worker = start("-P", "prefork", "-c", "2", "--max-tasks-per-child", "1")
    results = [module.compute.delay(x) for x in range(6)]
    assert [each.get(timeout=30) for each in results] == [0, 1, 4, 9, 16, 25]
    pids = {shared.client().kv.get(f"pid:{x}") for x in range(6)}
    assert len(pids) == 6
    with pytest.raises(RuntimeError):
        module.fails.delay().get(timeout=30)
    # The result is there before its task has left.
    leaves = f"leave {module.fails.name}"
    wait_for(lambda: leaves in shared.client().kv.list_range("order"))
    order = shared.client().kv.list_range("order")
    assert order.count(f"enter {module.fails.name}") == order.count(leaves) == 1
    module.long.delay(0.5)
    wait_for(lambda: shared.client().kv.get("long") == "began")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert shared.client().kv.get("long") == "ended"


def test_a_cold_shutdown_ends_at_once(celery: Any) -> None:
    module, start = celery
    from cachecore import shared

    worker = start("-P", "prefork", "-c", "1")
    module.long.delay(60)
    wait_for(lambda: shared.client().kv.get("long") == "began")
    worker.send_signal(signal.SIGQUIT)
    worker.wait(20)
    assert shared.client().kv.get("long") == "began"


def test_urls_of_the_application_stay(redis_port: int) -> None:
    from celery import Celery

    import cachecore.celery
    from cachecore import shared

    app = Celery("other", broker="memory://")
    cachecore.celery.install(app, f"redis://127.0.0.1:{redis_port}/0")
    assert app.conf.broker_url == "memory://"
    assert app.conf.result_backend == f"redis://127.0.0.1:{redis_port}/0"
    shared.close()
