"""One protocol for blocking and asynchronous callers.

A flow is a generator that yields what to call and is sent what came of it. `run` calls it, `arun` awaits it; the
protocol itself (who loads, what is done about errors) is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Flow: TypeAlias = Generator[Callable[[], Any], Any, T]


def run(flow: Flow[T]) -> T:
    try:
        step = next(flow)
        while True:
            try:
                came = step()
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(came)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def arun(flow: Flow[T]) -> T:
    try:
        step = next(flow)
        while True:
            try:
                came = await step()
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(came)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
