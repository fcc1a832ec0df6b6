"""The conformance table through Python: tests/conformance/README.md says what a row means.

What Python's objects cannot show: a cancelled operation raises CancelledError whether the library said CANCELLED or
UNCERTAIN, and operations have no numbers, so a row that cancels a number is checked up to there.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from cachecore import Pairs, RedisOperationError, _native
from cachecore._handle import Handle
from cachecore._methods import NONE, View, bind

TABLES = sorted((Path(__file__).parent.parent / "conformance").glob("*.json"))
PLUGIN = os.environ["CACHECORE_CONFORMANCE_PLUGIN"]
MISSING = object()
PATIENCE = 30


class Any_:
    """What equals everything."""


class Failed(Exception):
    """A step was not as expected."""


def read(value: Any) -> Any:
    """A value as the table writes it, as Python has it; text as bytes."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [read(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, held),) = value.items()
        if name == "$int":
            return int(held)
        if name == "$double":
            return float(held)
        if name == "$bytes":
            return base64.b64decode(held)
        if name == "$repeat":
            return held[0].encode() * held[1]
        if name == "$nested":
            made = read(held[1])
            for _ in range(held[0]):
                made = [made]
            return made
        if name == "$map":
            return Pairs((read(key), read(each)) for key, each in held)
        if name == "$error":
            return RedisOperationError(held["message"], status=getattr(_native, held["status"]))
        if name == "$any":
            return Any_
    return Pairs((key.encode(), read(each)) for key, each in value.items())


def pairs_of(value: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(value, Pairs):
        return list(value)
    return list(value.items()) if isinstance(value, dict) else None


def same(expected: Any, got: Any) -> bool:
    if expected is Any_:
        return True
    if pairs_of(expected) is not None:
        left, right = pairs_of(expected), pairs_of(got)
        if left is None or right is None or len(left) != len(right):
            return False
        for key, value in left:
            found = [at for at, (other, held) in enumerate(right) if same(key, other) and same(value, held)]
            if not found:
                return False
            right.pop(found[0])
        return True
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(got, (list, tuple))
            and len(expected) == len(got)
            and all(same(left, right) for left, right in zip(expected, got, strict=True))
        )
    if isinstance(expected, RedisOperationError):
        return isinstance(got, RedisOperationError) and (expected.status, expected.message) == (got.status, got.message)
    if type(expected) is not type(got):
        return False
    if isinstance(expected, float):
        if math.isnan(expected):
            return math.isnan(got)
        return expected == got and math.copysign(1, expected) == math.copysign(1, got)
    return bool(expected == got)


def words(wanted: Any) -> list[str]:
    return wanted if isinstance(wanted, list) else [wanted]


def plain(value: Any) -> Any:
    """What the core describes (bytes as text), with text as bytes, to compare it with the table's."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


class Row:
    def __init__(self, row: dict[str, Any], url: str) -> None:
        self.row = row
        config = {"url": url, "load": [PLUGIN, *row.get("load", [])], "call_timeout_ms": 30000, **row.get("config", {})}
        self.config = config
        self.named: dict[str, Any] = {}

    def method(self, name: str, asynchronous: bool) -> Any:
        for plugin in self.handle.describe()["plugins"]:
            for described in plugin["methods"]:
                if described["name"] == name:
                    view = View(NONE, asynchronous=asynchronous)
                    return bind(self.handle, described, view, missing=MISSING)
        return _native.find_method(self.handle.core, name, (), -1, -1, None, NONE, 0, None, None, None, "", int(asynchronous))

    async def run(self) -> None:
        expect = self.row.get("init", {"status": "OK"})
        try:
            self.handle = Handle(self.config, None)
        except RedisOperationError as error:
            self.compare({}, expect, error.status, None, error)
            return
        if words(expect.get("status", "OK")) != ["OK"]:
            raise Failed(f"init: expected {expect}, got OK")
        try:
            for number, step in enumerate(self.row["steps"]):
                try:
                    await self.step(step, step.get("expect", {}))
                except Failed as failure:
                    raise Failed(f"step {number} {json.dumps(step)[:200]}: {failure}") from failure.__cause__
        finally:
            await self.handle.aclose()

    def compare(
        self,
        step: dict[str, Any],
        expect: dict[str, Any],
        status: int,
        value: Any,
        error: BaseException | None = None,
        flags: list[str] | None = None,
    ) -> None:
        name = _native.status_name(status)
        allowed = words(expect.get("status", "OK"))
        cancelled = isinstance(error, asyncio.CancelledError) and {"CANCELLED", "UNCERTAIN"} & set(allowed)
        if name not in allowed and not cancelled:
            raise Failed(f"expected {allowed}, got {name}: {error}")
        if "value" in expect and not same(read(expect["value"]), value):
            raise Failed(f"expected {expect['value']!r}, got {value!r}")
        message = getattr(error, "message", "")
        if not isinstance(error, asyncio.CancelledError):
            for part in words(expect.get("message_contains", [])):
                if part not in message:
                    raise Failed(f"expected a message with {part!r}, got {message!r}")
        for part in words(expect.get("message_lacks", [])):
            if part in message:
                raise Failed(f"expected a message without {part!r}, got {message!r}")
        if "server_code" in expect and getattr(error, "server_code", "") != expect["server_code"]:
            raise Failed(f"expected the server code {expect['server_code']}, got {error!r}")
        if flags is not None and sorted(flags) != sorted(expect.get("flags", [])):
            raise Failed(f"expected the flags {expect.get('flags', [])}, got {flags}")

    def attempt(self, step: dict[str, Any], expect: dict[str, Any], function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            value = function(*args, **kwargs)
        except RedisOperationError as error:
            self.compare(step, expect, error.status, None, error)
            return None
        except OverflowError as error:  # an int beyond 64 bits never reaches the library
            self.compare(step, expect, _native.INVALID_ARGUMENT, None, error)
            return None
        except TypeError as error:  # too many arguments, likewise
            refused = RedisOperationError(str(error), status=_native.INVALID_ARGUMENT)
            self.compare(step, expect, refused.status, None, refused)
            return None
        if value is MISSING:
            self.compare(step, expect, _native.NOT_FOUND, None)
        else:
            self.compare(step, expect, _native.OK, value)
        return value

    async def step(self, step: dict[str, Any], expect: dict[str, Any]) -> None:
        timeout = {"timeout_ms": step["timeout_ms"]} if "timeout_ms" in step else {}
        args = [read(each) for each in step.get("args", [])]
        if "call" in step:
            if self.is_stream(step["call"]):  # only submitted: blocking clients have their own streams
                expect = {} if expect.get("status") == "INVALID_ARGUMENT" else expect
                self.attempt(step, {}, self.method(step["call"], False), *args)
                return
            try:
                method = self.method(step["call"], False)
            except RedisOperationError as error:
                self.compare(step, expect, error.status, None, error)
                return
            self.attempt(step, expect, method, *args, **timeout)
        elif "echo" in step:
            for name in ("conformance.echo", "conformance.echo_adopted"):
                self.attempt(step, {"value": step["echo"]}, self.method(name, False), read(step["echo"]))
        elif "submit" in step:
            await self.submit(step, expect, args, timeout)
        elif "drain" in step:
            await self.drain(step, expect)
        elif "drain_stream" in step:
            await self.drain_stream(step, expect)
        elif "cancel" in step:
            if isinstance(step["cancel"], str):
                self.cancel(self.named[step["cancel"]])
            elif words(expect.get("status", "OK")) != ["INVALID_ARGUMENT"]:
                raise Failed("operations have no numbers in Python")
        elif "destroy_queue" in step:
            loop = asyncio.get_running_loop()
            queue = self.handle._queues.pop(loop)
            loop.remove_reader(queue.fileno())
            queue.close()  # what was not drained is given back
        elif "load" in step:
            name = PLUGIN if step["load"] == "$plugin" else step["load"]
            self.attempt(step, expect, self.handle.load, name, None)
        elif "reset" in step:
            self.attempt(step, expect, self.handle.core.reset)
        elif "describe" in step:
            plugins = self.handle.describe()["plugins"]
            found = [each for plugin in plugins for each in plugin["methods"] if each["name"] == step["describe"]]
            if not found:
                raise Failed("there is no such method")
            self.compare(step, expect, _native.OK, plain(found[0]))
        elif "json_encode" in step:
            self.json(step, expect)
        elif "json_decode" in step:
            self.attempt(step, expect, _native.json_decode, read(step["json_decode"]), NONE)
        elif "round_trip" in step:
            value = read(step["round_trip"])
            text = _native.json_encode(value)
            self.compare(step, {"value": step["round_trip"]}, _native.OK, _native.json_decode(text, NONE))
        else:
            raise Failed("an unknown step")

    def is_stream(self, name: str) -> bool:
        return any(
            each["name"] == name and "streaming" in each["flags"]
            for plugin in self.handle.describe()["plugins"]
            for each in plugin["methods"]
        )

    def json(self, step: dict[str, Any], expect: dict[str, Any]) -> None:
        try:
            text = _native.json_encode(read(step["json_encode"]))
        except RedisOperationError as error:
            self.compare(step, expect, error.status, None, error)
            return
        self.compare(step, expect, _native.OK, None)
        if "json" in expect and text != expect["json"]:
            raise Failed(f"expected {expect['json']}, got {text}")

    async def submit(self, step: dict[str, Any], expect: dict[str, Any], args: list[Any], timeout: dict[str, Any]) -> None:
        try:
            made = self.method(step["submit"], True)(*args, **timeout)
        except (RedisOperationError, TypeError) as error:  # TypeError: too many arguments never reach the library
            self.compare(step, expect, getattr(error, "status", _native.INVALID_ARGUMENT), None, error)
            return
        if isinstance(made, _native.Operation) and made.done():
            error = made.exception()
            if isinstance(error, RedisOperationError):
                self.compare(step, expect, error.status, None, error)
                return
        self.compare(step, expect, _native.OK, None)
        self.named[step["as"]] = made

    @staticmethod
    def cancel(named: Any) -> None:
        (named._native if hasattr(named, "_native") else named).cancel()

    async def drain(self, step: dict[str, Any], expect: dict[str, Any]) -> None:
        named = self.named[step["drain"]]
        stream = hasattr(named, "_native")
        error: Any = None
        status, value, flags = _native.OK, None, []
        try:
            value = await asyncio.wait_for(anext(named) if stream else asyncio.shield(named), PATIENCE)
            flags = ["more"] if stream else []
            status = _native.NOT_FOUND if value is MISSING else _native.OK
        except StopAsyncIteration:
            status = _native.CANCELLED if named._native.cancelled else _native.OK
        except asyncio.CancelledError as cancelled:
            error, status = cancelled, _native.CANCELLED
        except RedisOperationError as failed:
            error, status = failed, failed.status
        self.compare(step, expect, status, None if value is MISSING else value, error, flags)

    async def drain_stream(self, step: dict[str, Any], expect: dict[str, Any]) -> None:
        items = dropped = 0
        last = None
        flags = []
        async with asyncio.timeout(PATIENCE):
            async for item in self.named[step["drain_stream"]]:
                if isinstance(item, dict) and (lost := item.get(b"dropped", item.get("dropped"))) is not None:
                    dropped += lost
                    flags = ["dropped"]
                else:
                    items, last = items + 1, item
        self.compare(step, {**expect, "status": "OK"}, _native.OK, None, None, flags)
        if expect.get("items_and_dropped", items + dropped) != items + dropped:
            raise Failed(f"expected {expect['items_and_dropped']} items, got {items} and {dropped} dropped")
        if items > expect.get("max_items", items) or not same(read(expect.get("last", {"$any": True})), last):
            raise Failed(f"got {items} items, the last {last!r}")


def rows() -> list[Any]:
    found = []
    for table in TABLES:
        content = json.loads(table.read_text())
        for row in content["rows"]:
            found.append(pytest.param(row, content.get("wrong", False), id=f"{table.stem}: {row['name']}"))
    return found


@pytest.mark.parametrize(("row", "wrong"), rows())
def test_row(row: dict[str, Any], wrong: bool, url: str) -> None:
    with tempfile.TemporaryDirectory(prefix="cc-") as directory:
        server = url if row.get("server") else f"embedded://{directory}/s"
        try:
            asyncio.run(Row(row, server).run())
        except (Failed, KeyError, TypeError, AttributeError):
            if not wrong:
                raise
            return
    if wrong:
        pytest.fail("this row is wrong and was not found to differ")
