"""A core, what it describes, and its completion queues.

Clients of one process that belong together (a Client and the AsyncClient beside it, views with other settings) share one
Handle. Thread rule: any thread; the GIL guards what is here.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from . import _native


class Handle:
    def __init__(self, config: dict[str, Any], config_file: str | None) -> None:
        self._queues: dict[asyncio.AbstractEventLoop, _native.Queue] = {}
        self._described: dict[str, Any] | None = None
        self.caching: dict[bool, Any] = {}  # the cache's methods as decorators call them
        self.core = _native.Core(json.dumps(config), config_file, self._find_queue)

    # ---- what can be called ----

    def describe(self) -> dict[str, Any]:
        if self._described is None:
            self._described = self.core.describe()
        return self._described

    def plugin(self, name: str) -> dict[str, Any] | None:
        for plugin in self.describe()["plugins"]:
            if plugin["name"] == name:
                return plugin  # type: ignore[no-any-return]
        return None

    def load(self, name_or_path: str, config: dict[str, Any] | None) -> None:
        self.core.load(name_or_path, None if config is None else json.dumps(config))
        self._described = None

    # ---- queues of event loops ----

    def _find_queue(self, core: _native.Core, loop: asyncio.AbstractEventLoop) -> _native.Queue:
        """The queue of a loop that calls for the first time, or after another; called by the native module."""
        for other in [each for each, queue in self._queues.items() if each.is_closed() or queue.inherited]:
            self._queues.pop(other).close()
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = _native.Queue(core, loop)
            loop.add_reader(queue.fileno(), queue.drain)
        return queue

    def close(self) -> None:
        """Ends every call. Waits for threads that are inside, but not for event loops: those hear of it as it happens."""
        self.core.close()
        for loop in list(self._queues):
            if loop.is_closed():
                self._queues.pop(loop).close()
            else:
                loop.call_soon_threadsafe(self._forget_loop, loop)

    def _forget_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        queue = self._queues.pop(loop, None)
        if queue is None or queue.inherited:
            return
        queue.drain()
        loop.remove_reader(queue.fileno())
        queue.close()

    async def aclose(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.core.close)
        self._forget_loop(loop)
        self.close()
