"""python.sync and python.async: GET of 64 bytes, ours and redis-py with hiredis in turn, on one server.

    python_bench.py [NAME...] [--json FILE] [--rounds N]

sync is one thread; async is 500 tasks, redis-py with a blocking pool of 20 connections, as many as ours has. The ratio is of
medians; CPU is this process' per operation.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import redis
import redis.asyncio

import cachecore

CALLS, TASKS = 10_000, 500


def sync_round(get: Any, calls: int = CALLS) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        get("key")
    return calls / (time.perf_counter() - began), (time.process_time() - cpu) / calls * 1e6


async def async_round(get: Any, turns: int) -> tuple[float, float]:
    async def work() -> None:
        for _ in range(turns):
            await get("key")

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[work() for _ in range(TASKS)])
    calls = TASKS * turns
    return calls / (time.perf_counter() - began), (time.process_time() - cpu) / calls * 1e6


def measure_sync(port: int, rounds: int) -> tuple[Any, Any]:
    ours, peer = cachecore.Client(f"redis://127.0.0.1:{port}"), redis.Redis(port=port)
    results: tuple[list[Any], list[Any]] = ([], [])
    for _ in range(rounds):
        results[0].append(sync_round(ours.kv.get))
        results[1].append(sync_round(peer.get, CALLS // 2))
    ours.close()
    return results


def measure_async(port: int, rounds: int) -> tuple[Any, Any]:
    async def main() -> tuple[Any, Any]:
        pool = redis.asyncio.BlockingConnectionPool(port=port, max_connections=20, timeout=None)
        peer = redis.asyncio.Redis(connection_pool=pool)
        results: tuple[list[Any], list[Any]] = ([], [])
        async with cachecore.AsyncClient(f"redis://127.0.0.1:{port}") as ours:
            for _ in range(rounds):
                results[0].append(await async_round(ours.kv.get, 100))
                results[1].append(await async_round(peer.get, 10))
        await peer.aclose()
        return results

    return asyncio.run(main())


def report(name: str, target: float, rounds: int, results: tuple[Any, Any]) -> dict[str, Any]:
    rates = [[each[0] for each in side] for side in results]
    ours, peer = (statistics.median(side) for side in rates)
    ratios = [one / other for one, other in zip(*rates, strict=True)]
    cpu = [statistics.median(each[1] for each in side) for side in results]
    ratio = ours / peer
    print(
        f"{name:14} ours {ours:10,.0f}/s ({cpu[0]:.1f} us CPU)  redis-py {peer:10,.0f}/s ({cpu[1]:.1f} us CPU)  "
        f"ratio {ratio:.2f} [{min(ratios):.2f}..{max(ratios):.2f}]  target {target}  {'met' if ratio >= target else 'MISSED'}"
    )
    return {
        "bench": name,
        "ours": ours,
        "peer": peer,
        "peer_name": f"redis-py {redis.__version__} with hiredis",
        "unit": "1/s",
        "ratio": ratio,
        "spread": [min(ratios), max(ratios)],
        "target": target,
        "rounds": rounds,
    }


def main() -> None:
    words = sys.argv[1:]
    rounds, file = 5, None
    for option in ("--rounds", "--json"):
        if option in words:
            at = words.index(option)
            value = words[at + 1]
            del words[at : at + 2]
            rounds, file = (int(value), file) if option == "--rounds" else (rounds, value)
    directory = tempfile.mkdtemp(prefix="cc-bench-")
    port = 20_000 + os.getpid() % 20_000
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory],
        stdout=subprocess.DEVNULL,
    )
    try:
        with cachecore.Client(f"redis://127.0.0.1:{port}") as client:
            deadline = time.monotonic() + 10
            while True:
                try:
                    client.kv.set("key", "x" * 64)
                    break
                except cachecore.RedisOperationError:
                    if time.monotonic() > deadline:
                        raise
        found = []
        for name, target, measure in (("python.sync", 1.3, measure_sync), ("python.async", 4.0, measure_async)):
            if not words or any(name == word or name.startswith(word + ".") for word in words):
                found.append(report(name, target, rounds, measure(port, rounds)))
        if file is not None:
            with open(file, "w") as out:
                json.dump(found, out, indent=1)
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(directory, ignore_errors=True)


main()
