"""cachecore in Celery.

    app = Celery("shop")
    cachecore.celery.install(app, "redis://localhost:6379/0", key_prefix="shop:")

Sets the broker and the result store (unless the application has chosen its own), configures the shared client, and ties
its life to that of the worker's processes: nothing is connected before a task needs it, so a pool child is ready at once
also while Redis is down; each child has connections of its own, and closes them when it ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from celery import signals  # type: ignore[import-untyped]

from . import shared

log = logging.getLogger("cachecore")
_STACK = "_cachecore_resources"


def install(
    app: Any,
    url: str | None = None,
    *,
    broker: bool = True,
    results: bool = True,
    resources: Callable[[Any], AbstractContextManager[Any]] | None = None,
    **settings: Any,
) -> None:
    """`resources` is entered with each task before it runs and left after it, however it ended: it is a function of the
    task that gives a context manager. `settings` are those of Client."""
    if url is not None:
        if broker and not app.conf.broker_url:
            app.conf.broker_url = url
        if results and not app.conf.result_backend:
            app.conf.result_backend = url
    shared.configure(url, **settings)

    def process_begins(**_: Any) -> None:
        shared.client()  # opens nothing

    def process_ends(**_: Any) -> None:
        shared.close()

    def task_begins(task: Any = None, **_: Any) -> None:
        if resources is None or task is None:
            return
        stack = ExitStack()
        stack.enter_context(resources(task))
        setattr(task.request, _STACK, stack)

    def task_ends(task: Any = None, **_: Any) -> None:
        stack = getattr(task.request, _STACK, None) if task is not None else None
        if stack is not None:
            delattr(task.request, _STACK)
            try:
                stack.close()
            except Exception:
                log.exception("celery: the resources of %s could not be given back", task.name)

    name = f"cachecore:{id(app)}:"
    signals.worker_process_init.connect(process_begins, weak=False, dispatch_uid=name + "init")
    signals.worker_process_shutdown.connect(process_ends, weak=False, dispatch_uid=name + "shutdown")
    signals.worker_shutdown.connect(process_ends, weak=False, dispatch_uid=name + "main")
    signals.task_prerun.connect(task_begins, weak=False, dispatch_uid=name + "prerun")
    signals.task_postrun.connect(task_ends, weak=False, dispatch_uid=name + "postrun")
