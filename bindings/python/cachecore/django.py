"""cachecore in Django.

    CACHES = {"default": {"BACKEND": "cachecore.django.CacheBackend", "LOCATION": "redis://localhost:6379/0",
                          "OPTIONS": {"max_connections": 20}}}
    SESSION_ENGINE = "cachecore.django"

OPTIONS are the configuration of the client. Caches of one LOCATION and OPTIONS share a client in a process; a forked worker
has connections of its own. As in Django's own backends values are pickled, so whoever may write to the server may run
code here. Sessions are kept by the cache SESSION_CACHE_ALIAS names, as text of Django's signed serializer, not pickled.
"""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError  # type: ignore[import-untyped]
from django.core.cache import caches  # type: ignore[import-untyped]
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache  # type: ignore[import-untyped]

from .client import Client

_clients: dict[str, Client] = {}
_lock = threading.Lock()


def client_of(location: str, options: Mapping[str, Any]) -> Client:
    """The client of this process for a cache's settings; made when it is first needed."""
    name = json.dumps([location, dict(options)], sort_keys=True, default=str)
    with _lock:
        found = _clients.get(name)
        if found is None or found.closed:
            found = _clients[name] = Client(location or None, decode=False, **options)
        return found


class CacheBackend(BaseCache):  # type: ignore[misc]
    """Whole numbers are stored as text, so that incr is the server's; everything else is pickled."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._location = location
        self._options = params.get("OPTIONS", {})
        self._chosen: Client | None = None

    @property
    def client(self) -> Client:
        if self._chosen is None or self._chosen.closed:
            self._chosen = client_of(self._location, self._options)
        return self._chosen

    # ---- values ----

    @staticmethod
    def _pack(value: Any) -> Any:
        if type(value) is int and -(2**63) <= value < 2**63:
            return value
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def _unpack(stored: bytes) -> Any:
        try:
            return int(stored)
        except ValueError:
            return pickle.loads(stored)

    def _ttl_ms(self, timeout: Any) -> int | None:
        """None: for ever; 0 or less: not at all."""
        if timeout is DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        return None if timeout is None else max(int(timeout * 1000), 0)

    def _key(self, key: Any, version: Any) -> str:
        return str(self.make_and_validate_key(key, version=version))

    # ---- what Django calls ----

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        stored = self.client.kv.get(self._key(key, version))
        return default if stored is None else self._unpack(stored)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> None:
        name, ttl = self._key(key, version), self._ttl_ms(timeout)
        if ttl == 0:
            self.client.kv.delete(name)
        else:
            self.client.kv.set(name, self._pack(value), ttl)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        name, ttl = self._key(key, version), self._ttl_ms(timeout)
        if ttl == 0:
            return not self.client.kv.exists(name)
        return bool(self.client.kv.set(name, self._pack(value), ttl, if_="absent"))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        name, ttl = self._key(key, version), self._ttl_ms(timeout)
        if ttl == 0:
            return bool(self.client.kv.delete(name))
        return bool(self.client.kv.expire(name, -1 if ttl is None else ttl))

    def delete(self, key: Any, version: Any = None) -> bool:
        return bool(self.client.kv.delete(self._key(key, version)))

    def has_key(self, key: Any, version: Any = None) -> bool:
        return bool(self.client.kv.exists(self._key(key, version)))

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> int:
        name = self._key(key, version)
        if not self.client.kv.exists(name):
            raise ValueError(f"Key '{key}' not found")
        return int(self.client.kv.increment(name, delta))

    def get_many(self, keys: Iterable[Any], version: Any = None) -> dict[Any, Any]:
        names = {self._key(key, version): key for key in keys}
        if not names:
            return {}
        stored = self.client.kv.get_many(list(names))
        return {key: self._unpack(each) for key, each in zip(names.values(), stored, strict=True) if each is not None}

    def set_many(self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> list[Any]:
        pairs = {self._key(key, version): self._pack(value) for key, value in data.items()}
        ttl = self._ttl_ms(timeout)
        if pairs and ttl == 0:
            self.client.kv.delete_many(list(pairs))
        elif pairs:
            self.client.kv.set_many(pairs, ttl)
        return []

    def delete_many(self, keys: Iterable[Any], version: Any = None) -> None:
        names = [self._key(key, version) for key in keys]
        if names:
            self.client.kv.delete_many(names)

    def clear(self) -> bool:
        """All keys of this cache's KEY_PREFIX, in the client's key_prefix; not the whole database."""
        literal = "".join("\\" + each if each in "*?[]\\" else each for each in self.key_prefix)
        self.client.kv.delete_matching(f"{literal}:*" if literal else "*", timeout_ms=-1)
        return True

    def close(self, **_: Any) -> None:
        """At a request's end: the connections stay for the next."""


class SessionStore(SessionBase):  # type: ignore[misc]
    """One key a session, written only if it is new (create) or still there (save): a session that was ended by another
    request does not come back."""

    def __init__(self, session_key: str | None = None) -> None:
        self._cache: CacheBackend = caches[settings.SESSION_CACHE_ALIAS]
        super().__init__(session_key)

    @classmethod
    def clear_expired(cls) -> None:
        """The server does."""

    def _name(self, key: str) -> str:
        return f"{self._cache.key_prefix}:session:{key}"

    def exists(self, session_key: str | None) -> bool:
        return bool(session_key) and bool(self._cache.client.kv.exists(self._name(session_key or "")))

    def load(self) -> dict[str, Any]:
        stored = self._cache.client.kv.get(self._name(self.session_key)) if self.session_key else None
        if stored is None:
            self._session_key = None
            return {}
        return dict(self.decode(stored.decode() if isinstance(stored, bytes) else stored))

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()
            return
        data = self.encode(self._get_session(no_load=must_create))
        age = self.get_expiry_age()
        name = self._name(self.session_key)
        if age <= 0:
            self._cache.client.kv.delete(name)
            return
        if not self._cache.client.kv.set(name, data, age * 1000, if_="absent" if must_create else "present"):
            raise CreateError if must_create else UpdateError

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            self._cache.client.kv.delete(self._name(key))
