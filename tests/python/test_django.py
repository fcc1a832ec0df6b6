"""Django's caches and sessions on our backends, by Django's own promises."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import django
import pytest
from django.conf import settings


@pytest.fixture(scope="module")
def configured(url: str) -> Iterator[None]:
    backend = {"BACKEND": "cachecore.django.CacheBackend", "LOCATION": url}
    settings.configure(
        SECRET_KEY="for tests",
        CACHES={
            "default": backend,
            "prefixed": {**backend, "KEY_PREFIX": "pre*fix"},
            "versioned": {**backend, "VERSION": 2},
        },
        SESSION_ENGINE="cachecore.django",
        INSTALLED_APPS=["django.contrib.sessions"],
    )
    django.setup()
    yield
    from cachecore.django import _clients

    for client in _clients.values():
        client.close()


@pytest.fixture
def cache(configured: None) -> Any:
    from django.core.cache import caches

    caches["default"].client.redis.command(["FLUSHALL"])
    return caches["default"]


def test_values_of_every_kind(cache: Any) -> None:
    values = {"string": "s", "int": 1, "bool": True, "float": 1.5, "none": None, "list": [1, (2,)], "set": {1}, "bytes": b"5"}
    assert cache.set_many(values) == []
    assert {key: cache.get(key, "missing") for key in values} == values
    assert [type(cache.get(key)) for key in ("bool", "int", "bytes")] == [bool, int, bytes]
    assert cache.get_many([*values, "nothing"]) == values
    cache.set("big", 2**70)
    assert cache.get("big") == 2**70
    assert cache.get("nothing") is None and cache.get("nothing", "default") == "default"
    cache.delete_many(values)
    assert cache.get_many(values) == {}
    assert cache.get_many([]) == {} and cache.set_many({}) == []


def test_adding_touching_deleting(cache: Any) -> None:
    assert cache.add("key", "one") is True and cache.add("key", "two") is False
    assert cache.get("key") == "one" and "key" in cache and cache.has_key("key")
    assert cache.delete("key") is True and cache.delete("key") is False
    assert cache.touch("key") is False
    cache.set("key", 1, 100)
    assert cache.touch("key", None) is True and cache.client.kv.ttl(cache.make_key("key")) == -1
    assert cache.touch("key", 0) is True and "key" not in cache
    assert cache.get_or_set("key", lambda: 5) == 5 and cache.get("key") == 5


def test_counting(cache: Any) -> None:
    cache.set("n", 41)
    assert cache.incr("n") == 42 and cache.decr("n", 2) == 40 and cache.get("n") == 40
    cache.set("n", -1)
    assert cache.incr("n", 10) == 9
    for call in (cache.incr, cache.decr):
        with pytest.raises(ValueError, match="not found"):
            call("nothing")


def test_timeouts(cache: Any) -> None:
    cache.set("short", 1, 0.05)
    cache.set("never", 1, None)
    cache.set("zero", 1, 0)
    cache.set("negative", 1, -5)
    assert cache.add("zero", 1, 0) is True and "zero" not in cache and "negative" not in cache
    assert cache.client.kv.ttl(cache.make_key("never")) == -1
    cache.set("default", 1)
    assert 0 < cache.client.kv.ttl(cache.make_key("default")) <= 300_000
    deadline = time.monotonic() + 10
    while "short" in cache and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "short" not in cache
    cache.set_many({"a": 1}, 0)
    assert "a" not in cache


def test_versions_and_prefixes_keep_apart(cache: Any) -> None:
    from django.core.cache import caches

    cache.set("key", 1)
    cache.set("key", 2, version=2)
    assert (cache.get("key"), cache.get("key", version=2), caches["versioned"].get("key")) == (1, 2, 2)
    assert cache.incr_version("key", version=2) == 3 and cache.get("key", version=3) == 2
    prefixed = caches["prefixed"]
    prefixed.set("key", "mine")
    cache.client.kv.set("prexfix:1:key", "of another")
    prefixed.clear()
    assert prefixed.get("key") is None and cache.get("key") == 1 and cache.client.kv.exists("prexfix:1:key")
    cache.clear()
    assert cache.get("key") is None


def test_asynchronous_calls(cache: Any) -> None:
    async def main() -> None:
        await cache.aset("key", [1])
        assert await cache.aget("key") == [1]
        assert await cache.aget_many(["key"]) == {"key": [1]}

    asyncio.run(main())


def test_a_forked_child_uses_it(cache: Any) -> None:
    cache.set("key", "parent")
    child = os.fork()
    if child == 0:
        os._exit(0 if cache.get("key") == "parent" else 1)
    assert os.waitpid(child, 0)[1] == 0


# ---- sessions ----


def new_session(key: str | None = None) -> Any:
    from importlib import import_module

    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def test_a_session_is_saved_and_loaded(cache: Any) -> None:
    session = new_session()
    session["cart"] = [1, 2]
    session.save()
    assert session.exists(session.session_key)
    again = new_session(session.session_key)
    assert again["cart"] == [1, 2] and again.get("nothing") is None
    assert again.get_expiry_age() == settings.SESSION_COOKIE_AGE
    again.set_expiry(timedelta(seconds=60))
    again.save()
    name = again._name(again.session_key)
    assert 0 < cache.client.kv.ttl(name) <= 60_000
    again.flush()
    assert again.session_key is None and not session.exists(session.session_key)


def test_unknown_keys_are_not_adopted(cache: Any) -> None:
    session = new_session("someoneelseskey")
    assert list(session.keys()) == []
    session["x"] = 1
    session.save()
    assert session.session_key != "someoneelseskey"


def test_a_login_changes_the_key_and_keeps_the_data(cache: Any) -> None:
    session = new_session()
    session["cart"] = 1
    session.save()
    before = session.session_key
    session.cycle_key()
    assert session.session_key != before and session["cart"] == 1
    assert not session.exists(before)


def test_a_session_that_was_ended_does_not_come_back(cache: Any) -> None:
    from django.contrib.sessions.backends.base import UpdateError

    session = new_session()
    session["x"] = 1
    session.save()
    other = new_session(session.session_key)
    assert other["x"] == 1
    session.delete()
    other["y"] = 2
    with pytest.raises(UpdateError):
        other.save()
    assert not other.exists(other.session_key)
