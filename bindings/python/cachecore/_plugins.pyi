# The methods of the built-in plugins. Written by stubs.py from what the core describes: do not change it by hand.

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from ._native import Operation
from ._streams import AsyncStream, Stream

Text = str | bytes
Duration = int | timedelta
Time = int | datetime
List = list[Any]  # a class may have a method of that name


class Core(Protocol):
    """The core itself."""

    def log(self, level: int | None = ..., *, timeout_ms: Duration = ...) -> Stream:
        """Streams log records until cancelled."""
    def drain(self, timeout_ms: Duration) -> Any:
        """Waits until no other call is running, or the time has passed."""
    def stats(self, *, timeout_ms: Duration = ...) -> Any:
        """Figures of methods, connections and plugins' metrics."""
    def slow(self, count: int | None = ..., *, timeout_ms: Duration = ...) -> List:
        """The last calls that were slow, newest first; none unless a plugin (monitor) says from when on a call is slow."""
    def encrypt(self, text: Text, *, timeout_ms: Duration = ...) -> Any:
        """Encrypts a secret for use in configuration, with the key of CACHECORE_SECRET_KEY or CACHECORE_SECRET_KEY_FILE."""


class AsyncCore(Protocol):
    """The core itself."""

    def log(self, level: int | None = ..., *, timeout_ms: Duration = ...) -> AsyncStream:
        """Streams log records until cancelled."""
    def drain(self, timeout_ms: Duration) -> Operation[Any]:
        """Waits until no other call is running, or the time has passed."""
    def stats(self, *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Figures of methods, connections and plugins' metrics."""
    def slow(self, count: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[List]:
        """The last calls that were slow, newest first; none unless a plugin (monitor) says from when on a call is slow."""
    def encrypt(self, text: Text, *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Encrypts a secret for use in configuration, with the key of CACHECORE_SECRET_KEY or CACHECORE_SECRET_KEY_FILE."""


class Redis(Protocol):
    """The Redis server itself."""

    def command(self, words: Sequence[Any], *, timeout_ms: Duration = ...) -> Any:
        """Sends one command. A blocking one takes an exclusive connection; one that changes a connection's state is refused."""
    def pipeline(self, commands: Sequence[Any], *, timeout_ms: Duration = ...) -> List:
        """Sends several commands in one go."""
    def transaction(self, commands: Sequence[Any], expect: Mapping[Any, Any] | None = ..., *, timeout_ms: Duration = ...) -> List:
        """Runs commands as one, in MULTI and EXEC."""
    def script(self, source: Text, keys: Sequence[Any] | None = ..., args: Sequence[Any] | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """Runs a Lua script on a connection of its own; never repeated."""
    def publish(self, channel: Text, message: int | float | Text, *, timeout_ms: Duration = ...) -> int:
        """Sends a message to a channel."""
    def subscribe(self, channels: Sequence[Any], patterns: bool | None = ..., sharded: bool | None = ..., *, timeout_ms: Duration = ...) -> Stream:
        """Listens to channels until cancelled; survives reconnects."""
    def scan(self, pattern: Text | None = ..., count: int | None = ..., cursor: Text | None = ..., type: Text | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """One page of the keys that match."""
    def ping(self, *, timeout_ms: Duration = ...) -> Any:
        """Asks the server for a sign of life."""
    def info(self, section: Text | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """What the server says of itself."""


class AsyncRedis(Protocol):
    """The Redis server itself."""

    def command(self, words: Sequence[Any], *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Sends one command. A blocking one takes an exclusive connection; one that changes a connection's state is refused."""
    def pipeline(self, commands: Sequence[Any], *, timeout_ms: Duration = ...) -> Operation[List]:
        """Sends several commands in one go."""
    def transaction(self, commands: Sequence[Any], expect: Mapping[Any, Any] | None = ..., *, timeout_ms: Duration = ...) -> Operation[List]:
        """Runs commands as one, in MULTI and EXEC."""
    def script(self, source: Text, keys: Sequence[Any] | None = ..., args: Sequence[Any] | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Runs a Lua script on a connection of its own; never repeated."""
    def publish(self, channel: Text, message: int | float | Text, *, timeout_ms: Duration = ...) -> Operation[int]:
        """Sends a message to a channel."""
    def subscribe(self, channels: Sequence[Any], patterns: bool | None = ..., sharded: bool | None = ..., *, timeout_ms: Duration = ...) -> AsyncStream:
        """Listens to channels until cancelled; survives reconnects."""
    def scan(self, pattern: Text | None = ..., count: int | None = ..., cursor: Text | None = ..., type: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """One page of the keys that match."""
    def ping(self, *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Asks the server for a sign of life."""
    def info(self, section: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """What the server says of itself."""


class Kv(Protocol):
    """Keys and values of Redis' own types: strings, JSON, counters, hashes, lists, expiry."""

    def set(self, key: Text, value: int | float | Text, ttl_ms: Duration | None = ..., options: Mapping[Any, Any] | None = ..., *, if_: Text = ..., keep_ttl: bool = ..., timeout_ms: Duration = ...) -> bool:
        """Writes a value."""
    def get(self, key: Text, *, timeout_ms: Duration = ...) -> Any:
        """Reads a value."""
    def set_many(self, pairs: Mapping[Any, Any], ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Writes several values: at once, or with ttl_ms one after the other."""
    def get_many(self, keys: Sequence[Any], *, timeout_ms: Duration = ...) -> List:
        """Reads several values. A key that holds no string reads as NIL, too."""
    def increment(self, key: Text, by: int | None = ..., ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Adds to a counter; one that does not exist counts as 0."""
    def compare_and_set(self, key: Text, expected: int | float | Text | None = ..., value: int | float | Text | None = ..., ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> bool:
        """Writes a value if the key holds what is expected."""
    def set_json(self, key: Text, value: Any, ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Stores any value as JSON."""
    def get_json(self, key: Text, kind: Text | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """Reads what set_json stored; something else, or of another kind, is CORRUPT."""
    def delete(self, key: Text, *, timeout_ms: Duration = ...) -> bool:
        """Deletes a key of any type."""
    def delete_many(self, keys: Sequence[Any], *, timeout_ms: Duration = ...) -> int:
        """Deletes keys of any type."""
    def delete_matching(self, pattern: Text, *, timeout_ms: Duration = ...) -> int:
        """Deletes the keys that match a pattern, in batches on every node. It takes a time that grows with all keys."""
    def exists(self, key: Text, *, timeout_ms: Duration = ...) -> bool:
        """Tells whether there is such a key, of any type."""
    def expire(self, key: Text, ttl_ms: Duration, *, timeout_ms: Duration = ...) -> bool | None:
        """Sets or removes the expiry of a key."""
    def ttl(self, key: Text, *, timeout_ms: Duration = ...) -> int | None:
        """Tells how long a key lives on."""
    def hash_set(self, key: Text, field: Text, value: int | float | Text, *, timeout_ms: Duration = ...) -> bool:
        """Sets a field of a hash."""
    def hash_get(self, key: Text, field: Text, *, timeout_ms: Duration = ...) -> Any:
        """Reads a field of a hash."""
    def hash_get_all(self, key: Text, *, timeout_ms: Duration = ...) -> dict[str, Any] | None:
        """Reads all fields of a hash."""
    def hash_set_many(self, key: Text, fields: Mapping[Any, Any], ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Sets fields of a hash, and its expiry."""
    def hash_increment(self, key: Text, field: Text, by: int | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Adds to a field of a hash; one that does not exist counts as 0."""
    def hash_delete(self, key: Text, field: Text | Sequence[Any], *, timeout_ms: Duration = ...) -> int:
        """Deletes fields of a hash."""
    def list_push(self, key: Text, value: int | float | Text | Sequence[Any], side: Text | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Adds to a list."""
    def list_pop(self, key: Text, side: Text | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """Takes from a list; by default the oldest of what list_push added."""
    def list_range(self, key: Text, start: int | None = ..., stop: int | None = ..., *, timeout_ms: Duration = ...) -> List:
        """Reads a part of a list."""
    def list_remove(self, key: Text, value: int | float | Text, count: int | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Removes items that equal a value."""
    def watch_expired(self, pattern: Text | None = ..., *, timeout_ms: Duration = ...) -> Stream:
        """Streams keys that expire. The server must have E and x in notify-keyspace-events."""
    def set_dict(self, key: Text, value: dict[str, Any], ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> None: ...
    def get_dict(self, key: Text, *, timeout_ms: Duration = ...) -> dict[str, Any] | None: ...
    def set_list(self, key: Text, value: list[Any], ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> None: ...
    def get_list_value(self, key: Text, *, timeout_ms: Duration = ...) -> list[Any] | None: ...


class AsyncKv(Protocol):
    """Keys and values of Redis' own types: strings, JSON, counters, hashes, lists, expiry."""

    def set(self, key: Text, value: int | float | Text, ttl_ms: Duration | None = ..., options: Mapping[Any, Any] | None = ..., *, if_: Text = ..., keep_ttl: bool = ..., timeout_ms: Duration = ...) -> Operation[bool]:
        """Writes a value."""
    def get(self, key: Text, *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Reads a value."""
    def set_many(self, pairs: Mapping[Any, Any], ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Writes several values: at once, or with ttl_ms one after the other."""
    def get_many(self, keys: Sequence[Any], *, timeout_ms: Duration = ...) -> Operation[List]:
        """Reads several values. A key that holds no string reads as NIL, too."""
    def increment(self, key: Text, by: int | None = ..., ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Adds to a counter; one that does not exist counts as 0."""
    def compare_and_set(self, key: Text, expected: int | float | Text | None = ..., value: int | float | Text | None = ..., ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Writes a value if the key holds what is expected."""
    def set_json(self, key: Text, value: Any, ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Stores any value as JSON."""
    def get_json(self, key: Text, kind: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Reads what set_json stored; something else, or of another kind, is CORRUPT."""
    def delete(self, key: Text, *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Deletes a key of any type."""
    def delete_many(self, keys: Sequence[Any], *, timeout_ms: Duration = ...) -> Operation[int]:
        """Deletes keys of any type."""
    def delete_matching(self, pattern: Text, *, timeout_ms: Duration = ...) -> Operation[int]:
        """Deletes the keys that match a pattern, in batches on every node. It takes a time that grows with all keys."""
    def exists(self, key: Text, *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Tells whether there is such a key, of any type."""
    def expire(self, key: Text, ttl_ms: Duration, *, timeout_ms: Duration = ...) -> Operation[bool | None]:
        """Sets or removes the expiry of a key."""
    def ttl(self, key: Text, *, timeout_ms: Duration = ...) -> Operation[int | None]:
        """Tells how long a key lives on."""
    def hash_set(self, key: Text, field: Text, value: int | float | Text, *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Sets a field of a hash."""
    def hash_get(self, key: Text, field: Text, *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Reads a field of a hash."""
    def hash_get_all(self, key: Text, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any] | None]:
        """Reads all fields of a hash."""
    def hash_set_many(self, key: Text, fields: Mapping[Any, Any], ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Sets fields of a hash, and its expiry."""
    def hash_increment(self, key: Text, field: Text, by: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Adds to a field of a hash; one that does not exist counts as 0."""
    def hash_delete(self, key: Text, field: Text | Sequence[Any], *, timeout_ms: Duration = ...) -> Operation[int]:
        """Deletes fields of a hash."""
    def list_push(self, key: Text, value: int | float | Text | Sequence[Any], side: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Adds to a list."""
    def list_pop(self, key: Text, side: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Takes from a list; by default the oldest of what list_push added."""
    def list_range(self, key: Text, start: int | None = ..., stop: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[List]:
        """Reads a part of a list."""
    def list_remove(self, key: Text, value: int | float | Text, count: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Removes items that equal a value."""
    def watch_expired(self, pattern: Text | None = ..., *, timeout_ms: Duration = ...) -> AsyncStream:
        """Streams keys that expire. The server must have E and x in notify-keyspace-events."""
    def set_dict(self, key: Text, value: dict[str, Any], ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]: ...
    def get_dict(self, key: Text, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any] | None]: ...
    def set_list(self, key: Text, value: list[Any], ttl_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]: ...
    def get_list_value(self, key: Text, *, timeout_ms: Duration = ...) -> Operation[list[Any] | None]: ...


class Cache(Protocol):
    """Read-through caching: one load of a key at a time, expiry, stale values, invalidation."""

    def define(self, region: Text, policy: Mapping[Any, Any], *, timeout_ms: Duration = ...) -> None:
        """Says how a region is cached, in this process. What is not said is as the plugin's configuration says in `defaults`, else as written below."""
    def lookup(self, region: Text, key: Text, wait_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Reads a value, or says who loads it: of all callers in this process that find none, one is told to load, and has to call store or fail; the others wait for what it stores. With the state 'load' the value, where there is one, is stale."""
    def refresh(self, region: Text, key: Text, wait_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """Loads a value anew though it may be fresh: as lookup, but this caller is told to load, with the present value, which the others go on being given; or it waits for the load that is under way."""
    def lookup_many(self, region: Text, keys: Sequence[Any], wait_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> List:
        """Looks several keys up together. One who is told to load some of them does not wait for others' loads: such a key has the state 'loading', and is looked up again after the own loads were stored."""
    def store_many(self, loads: Sequence[Any], *, timeout_ms: Duration = ...) -> List:
        """Ends several leases with what was loaded, together."""
    def store(self, lease: Text, value: Any = ..., ttl_ms: Duration | None = ..., tags: Sequence[Any] | None = ..., *, timeout_ms: Duration = ...) -> bool:
        """Ends a lease with the value that was loaded; NIL: there is none, and that is cached. All who wait get it."""
    def fail(self, lease: Text, message: Text | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Ends a lease: the loader failed. All who wait get LOADER_FAILED."""
    def get(self, region: Text, key: Text, *, timeout_ms: Duration = ...) -> Any:
        """Reads a value that is cached and fresh; never loads."""
    def set(self, region: Text, key: Text, value: Any = ..., ttl_ms: Duration | None = ..., tags: Sequence[Any] | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Caches a value; a load under way is not stored over it."""
    def delete(self, region: Text, key: Text, *, timeout_ms: Duration = ...) -> bool:
        """Removes a key. No later lookup is answered by a load that began before."""
    def invalidate(self, region: Text, pattern: Text, *, timeout_ms: Duration = ...) -> None:
        """Invalidates all keys of a region that match a pattern, without looking for them. No later lookup is answered by a load that began before."""
    def invalidate_tag(self, region: Text, tag: Text, *, timeout_ms: Duration = ...) -> None:
        """Invalidates all values of a region that have a tag, without looking for them. No later lookup is answered by a load that began before."""
    def bloom_add(self, region: Text, keys: Sequence[Any], complete: bool | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Adds keys that exist to the filter of a region whose policy has `bloom`. Until it was said to be complete, and again after it was lost, the filter refuses nothing. store and set of a value add its key."""
    def clear(self, region: Text, *, timeout_ms: Duration = ...) -> None:
        """Invalidates all keys of a region; as invalidate of *."""
    def stats(self, region: Text | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Counts what this process' lookups came to."""


class AsyncCache(Protocol):
    """Read-through caching: one load of a key at a time, expiry, stale values, invalidation."""

    def define(self, region: Text, policy: Mapping[Any, Any], *, timeout_ms: Duration = ...) -> Operation[None]:
        """Says how a region is cached, in this process. What is not said is as the plugin's configuration says in `defaults`, else as written below."""
    def lookup(self, region: Text, key: Text, wait_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Reads a value, or says who loads it: of all callers in this process that find none, one is told to load, and has to call store or fail; the others wait for what it stores. With the state 'load' the value, where there is one, is stale."""
    def refresh(self, region: Text, key: Text, wait_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Loads a value anew though it may be fresh: as lookup, but this caller is told to load, with the present value, which the others go on being given; or it waits for the load that is under way."""
    def lookup_many(self, region: Text, keys: Sequence[Any], wait_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[List]:
        """Looks several keys up together. One who is told to load some of them does not wait for others' loads: such a key has the state 'loading', and is looked up again after the own loads were stored."""
    def store_many(self, loads: Sequence[Any], *, timeout_ms: Duration = ...) -> Operation[List]:
        """Ends several leases with what was loaded, together."""
    def store(self, lease: Text, value: Any = ..., ttl_ms: Duration | None = ..., tags: Sequence[Any] | None = ..., *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Ends a lease with the value that was loaded; NIL: there is none, and that is cached. All who wait get it."""
    def fail(self, lease: Text, message: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Ends a lease: the loader failed. All who wait get LOADER_FAILED."""
    def get(self, region: Text, key: Text, *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Reads a value that is cached and fresh; never loads."""
    def set(self, region: Text, key: Text, value: Any = ..., ttl_ms: Duration | None = ..., tags: Sequence[Any] | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Caches a value; a load under way is not stored over it."""
    def delete(self, region: Text, key: Text, *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Removes a key. No later lookup is answered by a load that began before."""
    def invalidate(self, region: Text, pattern: Text, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Invalidates all keys of a region that match a pattern, without looking for them. No later lookup is answered by a load that began before."""
    def invalidate_tag(self, region: Text, tag: Text, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Invalidates all values of a region that have a tag, without looking for them. No later lookup is answered by a load that began before."""
    def bloom_add(self, region: Text, keys: Sequence[Any], complete: bool | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Adds keys that exist to the filter of a region whose policy has `bloom`. Until it was said to be complete, and again after it was lost, the filter refuses nothing. store and set of a value add its key."""
    def clear(self, region: Text, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Invalidates all keys of a region; as invalidate of *."""
    def stats(self, region: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Counts what this process' lookups came to."""


class Session(Protocol):
    """Sessions: made, read, changed, renewed and ended, for one user or everywhere."""

    def create(self, user_id: Text | None = ..., attributes: Mapping[Any, Any] | None = ..., idle_ms: Duration | None = ..., absolute_ms: Duration | None = ..., max_per_user: int | None = ..., ticket: Text | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Makes a session. Its id is for its holder alone: it is not stored, and no method tells it again."""
    def get(self, id: Text, *, timeout_ms: Duration = ...) -> dict[str, Any] | None:
        """Reads a session, and notes that it is used. `id` of the answer is the one to use from now on: another than was given when that was replaced."""
    def update(self, id: Text, changes: Mapping[Any, Any], version: int | None = ..., *, timeout_ms: Duration = ...) -> int | None:
        """Changes attributes of a session that lives; the others stay as they are. It never makes one that has ended."""
    def refresh(self, id: Text, *, timeout_ms: Duration = ...) -> int | None:
        """Notes that a session is used: its idle time begins anew."""
    def regenerate(self, id: Text, user_id: Text | None = ..., ticket: Text | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any] | None:
        """Gives a session a new id. With user_id somebody has logged in: the old id ends at once. Without, the session goes on, and if it has a user the old id follows for the grace (10 s)."""
    def destroy(self, id_or_handle: Text, *, timeout_ms: Duration = ...) -> bool:
        """Ends a session."""
    def list(self, user_id: Text, *, timeout_ms: Duration = ...) -> List:
        """Lists the sessions of a user, those that would expire last first."""
    def destroy_all(self, user_id: Text, except_: Text | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Ends all sessions of a user, and all tickets, at once."""
    def count(self, user_id: Text, *, timeout_ms: Duration = ...) -> int:
        """Counts the sessions of a user."""
    def begin(self, user_id: Text, *, timeout_ms: Duration = ...) -> Any:
        """A ticket for a login, to be taken before the credentials are checked: so no session is made with credentials that were revoked while they were checked."""


class AsyncSession(Protocol):
    """Sessions: made, read, changed, renewed and ended, for one user or everywhere."""

    def create(self, user_id: Text | None = ..., attributes: Mapping[Any, Any] | None = ..., idle_ms: Duration | None = ..., absolute_ms: Duration | None = ..., max_per_user: int | None = ..., ticket: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Makes a session. Its id is for its holder alone: it is not stored, and no method tells it again."""
    def get(self, id: Text, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any] | None]:
        """Reads a session, and notes that it is used. `id` of the answer is the one to use from now on: another than was given when that was replaced."""
    def update(self, id: Text, changes: Mapping[Any, Any], version: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[int | None]:
        """Changes attributes of a session that lives; the others stay as they are. It never makes one that has ended."""
    def refresh(self, id: Text, *, timeout_ms: Duration = ...) -> Operation[int | None]:
        """Notes that a session is used: its idle time begins anew."""
    def regenerate(self, id: Text, user_id: Text | None = ..., ticket: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any] | None]:
        """Gives a session a new id. With user_id somebody has logged in: the old id ends at once. Without, the session goes on, and if it has a user the old id follows for the grace (10 s)."""
    def destroy(self, id_or_handle: Text, *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Ends a session."""
    def list(self, user_id: Text, *, timeout_ms: Duration = ...) -> Operation[List]:
        """Lists the sessions of a user, those that would expire last first."""
    def destroy_all(self, user_id: Text, except_: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Ends all sessions of a user, and all tickets, at once."""
    def count(self, user_id: Text, *, timeout_ms: Duration = ...) -> Operation[int]:
        """Counts the sessions of a user."""
    def begin(self, user_id: Text, *, timeout_ms: Duration = ...) -> Operation[Any]:
        """A ticket for a login, to be taken before the credentials are checked: so no session is made with credentials that were revoked while they were checked."""


class Auth(Protocol):
    """Tokens kept only hashed, refresh tokens that rotate, limits on attempts."""

    def begin(self, user_id: Text, *, timeout_ms: Duration = ...) -> Any:
        """Begins a sign-in, before the credentials are checked: a revoke_all that comes after it is noticed by issue and issue_pair."""
    def issue(self, user_id: Text, metadata: Any = ..., ttl_ms: Duration | None = ..., device: Text | None = ..., max_per_user: int | None = ..., ticket: Text | None = ..., token: Text | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Makes a token, or takes one that the caller made."""
    def verify(self, token: Text, *, timeout_ms: Duration = ...) -> dict[str, Any] | None:
        """Tells whose a token is. Only an answer with OK means that it is good."""
    def expire(self, token: Text, ttl_ms: Duration, *, timeout_ms: Duration = ...) -> int | None:
        """Shortens the life of a token, or with a refresh token that of the whole pair; never lengthens it."""
    def revoke(self, token_or_handle: Text, user_id: Text | None = ..., *, timeout_ms: Duration = ...) -> bool:
        """Ends a sign-in: a token, or a pair with all that was made of it, by any of its tokens."""
    def revoke_all(self, user_id: Text, except_: Text | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Ends all sign-ins of a user, also those that have begun and not ended."""
    def list(self, user_id: Text, *, timeout_ms: Duration = ...) -> List:
        """Lists the sign-ins of a user."""
    def issue_pair(self, user_id: Text, metadata: Any = ..., ttl_ms: Duration | None = ..., refresh_ttl_ms: Duration | None = ..., device: Text | None = ..., max_per_user: int | None = ..., ticket: Text | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Makes a token and a refresh token for it."""
    def rotate(self, refresh_token: Text, *, timeout_ms: Duration = ...) -> dict[str, Any] | None:
        """Gives the successor of a refresh token, with a new token. All who come with the same one within rotation_grace_ms get the same; later the pair is revoked."""
    def attempt(self, subject: Text, limit: int, window_ms: Duration, *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Counts an attempt of a subject, and tells whether it is allowed: at most `limit` at once, and as many in every window_ms."""


class AsyncAuth(Protocol):
    """Tokens kept only hashed, refresh tokens that rotate, limits on attempts."""

    def begin(self, user_id: Text, *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Begins a sign-in, before the credentials are checked: a revoke_all that comes after it is noticed by issue and issue_pair."""
    def issue(self, user_id: Text, metadata: Any = ..., ttl_ms: Duration | None = ..., device: Text | None = ..., max_per_user: int | None = ..., ticket: Text | None = ..., token: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Makes a token, or takes one that the caller made."""
    def verify(self, token: Text, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any] | None]:
        """Tells whose a token is. Only an answer with OK means that it is good."""
    def expire(self, token: Text, ttl_ms: Duration, *, timeout_ms: Duration = ...) -> Operation[int | None]:
        """Shortens the life of a token, or with a refresh token that of the whole pair; never lengthens it."""
    def revoke(self, token_or_handle: Text, user_id: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Ends a sign-in: a token, or a pair with all that was made of it, by any of its tokens."""
    def revoke_all(self, user_id: Text, except_: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Ends all sign-ins of a user, also those that have begun and not ended."""
    def list(self, user_id: Text, *, timeout_ms: Duration = ...) -> Operation[List]:
        """Lists the sign-ins of a user."""
    def issue_pair(self, user_id: Text, metadata: Any = ..., ttl_ms: Duration | None = ..., refresh_ttl_ms: Duration | None = ..., device: Text | None = ..., max_per_user: int | None = ..., ticket: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Makes a token and a refresh token for it."""
    def rotate(self, refresh_token: Text, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any] | None]:
        """Gives the successor of a refresh token, with a new token. All who come with the same one within rotation_grace_ms get the same; later the pair is revoked."""
    def attempt(self, subject: Text, limit: int, window_ms: Duration, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Counts an attempt of a subject, and tells whether it is allowed: at most `limit` at once, and as many in every window_ms."""


class Lock(Protocol):
    """Locks with leases, fences, fair order, readers and writers, semaphores."""

    def acquire(self, name: Text, lease_ms: Duration | None = ..., wait_ms: Duration | None = ..., mode: Text | None = ..., permits: int | None = ..., owner: Text | None = ..., renew: bool | None = ..., max_hold_ms: Duration | None = ..., sync: Mapping[Any, Any] | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Takes a lock, in the order of asking."""
    def acquire_many(self, names: Sequence[Any], lease_ms: Duration | None = ..., wait_ms: Duration | None = ..., mode: Text | None = ..., permits: int | None = ..., owner: Text | None = ..., renew: bool | None = ..., max_hold_ms: Duration | None = ..., sync: Mapping[Any, Any] | None = ..., *, timeout_ms: Duration = ...) -> List:
        """Takes several locks, all or none."""
    def extend(self, lock: Text, lease_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Lets a lease go on from now; never makes it shorter."""
    def release(self, lock: Text, *, timeout_ms: Duration = ...) -> None:
        """Gives a lock back; the next who waits has it at once."""
    def watch(self, lock: Text, *, timeout_ms: Duration = ...) -> Stream:
        """Tells when a lock that this process holds is lost: before its lease ends, while the process runs."""
    def status(self, name: Text, *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Who holds a lock and how many wait."""
    def force_release(self, name: Text, *, timeout_ms: Duration = ...) -> int:
        """Takes a lock from all who hold it, which tells them, and gives it to the next."""


class AsyncLock(Protocol):
    """Locks with leases, fences, fair order, readers and writers, semaphores."""

    def acquire(self, name: Text, lease_ms: Duration | None = ..., wait_ms: Duration | None = ..., mode: Text | None = ..., permits: int | None = ..., owner: Text | None = ..., renew: bool | None = ..., max_hold_ms: Duration | None = ..., sync: Mapping[Any, Any] | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Takes a lock, in the order of asking."""
    def acquire_many(self, names: Sequence[Any], lease_ms: Duration | None = ..., wait_ms: Duration | None = ..., mode: Text | None = ..., permits: int | None = ..., owner: Text | None = ..., renew: bool | None = ..., max_hold_ms: Duration | None = ..., sync: Mapping[Any, Any] | None = ..., *, timeout_ms: Duration = ...) -> Operation[List]:
        """Takes several locks, all or none."""
    def extend(self, lock: Text, lease_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Lets a lease go on from now; never makes it shorter."""
    def release(self, lock: Text, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Gives a lock back; the next who waits has it at once."""
    def watch(self, lock: Text, *, timeout_ms: Duration = ...) -> AsyncStream:
        """Tells when a lock that this process holds is lost: before its lease ends, while the process runs."""
    def status(self, name: Text, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Who holds a lock and how many wait."""
    def force_release(self, name: Text, *, timeout_ms: Duration = ...) -> Operation[int]:
        """Takes a lock from all who hold it, which tells them, and gives it to the next."""


class Queue(Protocol):
    """Jobs: priorities, delays, retries, leases, limits, schedules; and plain lists."""

    def push(self, queue: Text, payload: Any, options: Mapping[Any, Any] | None = ..., *, delay_ms: Duration = ..., run_at: Time = ..., priority: int = ..., id: Text = ..., dedupe_ms: Duration = ..., debounce: bool = ..., max_attempts: int = ..., backoff: Mapping[Any, Any] = ..., ttl_ms: Duration = ..., keep_ms: Duration = ..., key: Text = ..., timeout_ms: Duration = ...) -> dict[str, Any]:
        """Pushes a job."""
    def push_many(self, queue: Text, jobs: Sequence[Any], *, timeout_ms: Duration = ...) -> List:
        """Pushes up to 1000 jobs at once: all, or none."""
    def claim(self, queues: Text | Sequence[Any] | Mapping[Any, Any], count: int | None = ..., wait_ms: Duration | None = ..., lease_ms: Duration | None = ..., done: Sequence[Any] | None = ..., renew: bool | None = ..., *, timeout_ms: Duration = ...) -> List:
        """Takes jobs under a lease, after acknowledging others. The core renews the lease until the job ends."""
    def complete(self, job: Text, result: Any = ..., *, timeout_ms: Duration = ...) -> None:
        """Ends a job well."""
    def fail(self, job: Text, error: Text, retry_in_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Ends an attempt badly: the job is tried again after its backoff, or dead."""
    def extend(self, job: Text, lease_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Lets the lease last at least so much longer; tells of a cancelled job."""
    def progress(self, job: Text, value: Any, *, timeout_ms: Duration = ...) -> None:
        """Notes how far a job is."""
    def release(self, job: Text, delay_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Gives a job back; the attempt does not count."""
    def cancel(self, queue: Text, id: Text, *, timeout_ms: Duration = ...) -> bool | None:
        """Cancels a job; one that runs loses its lease."""
    def get(self, queue: Text, id: Text, *, timeout_ms: Duration = ...) -> dict[str, Any] | None:
        """Shows a job."""
    def list(self, queue: Text, state: Text, start: int | None = ..., count: int | None = ..., *, timeout_ms: Duration = ...) -> List:
        """Shows the jobs of a state."""
    def counts(self, queue: Text, *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Counts the jobs of each state."""
    def names(self, *, timeout_ms: Duration = ...) -> List:
        """Names the queues that were ever pushed to."""
    def replay_dead(self, queue: Text, ids: Sequence[Any] | None = ..., count: int | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Makes dead jobs ready again, with all their attempts."""
    def purge_dead(self, queue: Text, older_than_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> int:
        """Removes dead jobs."""
    def pause(self, queue: Text, *, timeout_ms: Duration = ...) -> None:
        """Lets no job start until resume."""
    def resume(self, queue: Text, *, timeout_ms: Duration = ...) -> None:
        """Ends a pause."""
    def purge(self, queue: Text, *, timeout_ms: Duration = ...) -> int:
        """Removes all jobs that have not started."""
    def limit(self, queue: Text, rate: Mapping[Any, Any] | None = ..., concurrency: int | None = ..., per_key: Mapping[Any, Any] | None = ..., size: int | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Sets all limits of a queue; what is left out is unlimited."""
    def schedule(self, name: Text, cron: Text, timezone: Text | None = ..., payload: Any = ..., queue: Text | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any]:
        """Pushes a job by the clock; replaces a schedule of this name."""
    def unschedule(self, name: Text, queue: Text | None = ..., *, timeout_ms: Duration = ...) -> bool:
        """Ends a schedule."""
    def schedules(self, queue: Text, *, timeout_ms: Duration = ...) -> List:
        """Shows the schedules of a queue."""
    def events(self, queue: Text, from_start: bool | None = ..., *, timeout_ms: Duration = ...) -> Stream:
        """Streams what happens to the jobs of a queue."""
    def enqueue(self, queue: Text, value: Any, *, timeout_ms: Duration = ...) -> int:
        """Appends to a plain list."""
    def enqueue_at(self, queue: Text, value: Any, at: Time, *, timeout_ms: Duration = ...) -> None:
        """Appends to a plain list later."""
    def dequeue(self, queue: Text, wait_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> dict[str, Any] | None:
        """Takes the oldest of a plain list."""


class AsyncQueue(Protocol):
    """Jobs: priorities, delays, retries, leases, limits, schedules; and plain lists."""

    def push(self, queue: Text, payload: Any, options: Mapping[Any, Any] | None = ..., *, delay_ms: Duration = ..., run_at: Time = ..., priority: int = ..., id: Text = ..., dedupe_ms: Duration = ..., debounce: bool = ..., max_attempts: int = ..., backoff: Mapping[Any, Any] = ..., ttl_ms: Duration = ..., keep_ms: Duration = ..., key: Text = ..., timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Pushes a job."""
    def push_many(self, queue: Text, jobs: Sequence[Any], *, timeout_ms: Duration = ...) -> Operation[List]:
        """Pushes up to 1000 jobs at once: all, or none."""
    def claim(self, queues: Text | Sequence[Any] | Mapping[Any, Any], count: int | None = ..., wait_ms: Duration | None = ..., lease_ms: Duration | None = ..., done: Sequence[Any] | None = ..., renew: bool | None = ..., *, timeout_ms: Duration = ...) -> Operation[List]:
        """Takes jobs under a lease, after acknowledging others. The core renews the lease until the job ends."""
    def complete(self, job: Text, result: Any = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Ends a job well."""
    def fail(self, job: Text, error: Text, retry_in_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Ends an attempt badly: the job is tried again after its backoff, or dead."""
    def extend(self, job: Text, lease_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Lets the lease last at least so much longer; tells of a cancelled job."""
    def progress(self, job: Text, value: Any, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Notes how far a job is."""
    def release(self, job: Text, delay_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Gives a job back; the attempt does not count."""
    def cancel(self, queue: Text, id: Text, *, timeout_ms: Duration = ...) -> Operation[bool | None]:
        """Cancels a job; one that runs loses its lease."""
    def get(self, queue: Text, id: Text, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any] | None]:
        """Shows a job."""
    def list(self, queue: Text, state: Text, start: int | None = ..., count: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[List]:
        """Shows the jobs of a state."""
    def counts(self, queue: Text, *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Counts the jobs of each state."""
    def names(self, *, timeout_ms: Duration = ...) -> Operation[List]:
        """Names the queues that were ever pushed to."""
    def replay_dead(self, queue: Text, ids: Sequence[Any] | None = ..., count: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Makes dead jobs ready again, with all their attempts."""
    def purge_dead(self, queue: Text, older_than_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[int]:
        """Removes dead jobs."""
    def pause(self, queue: Text, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Lets no job start until resume."""
    def resume(self, queue: Text, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Ends a pause."""
    def purge(self, queue: Text, *, timeout_ms: Duration = ...) -> Operation[int]:
        """Removes all jobs that have not started."""
    def limit(self, queue: Text, rate: Mapping[Any, Any] | None = ..., concurrency: int | None = ..., per_key: Mapping[Any, Any] | None = ..., size: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Sets all limits of a queue; what is left out is unlimited."""
    def schedule(self, name: Text, cron: Text, timezone: Text | None = ..., payload: Any = ..., queue: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any]]:
        """Pushes a job by the clock; replaces a schedule of this name."""
    def unschedule(self, name: Text, queue: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[bool]:
        """Ends a schedule."""
    def schedules(self, queue: Text, *, timeout_ms: Duration = ...) -> Operation[List]:
        """Shows the schedules of a queue."""
    def events(self, queue: Text, from_start: bool | None = ..., *, timeout_ms: Duration = ...) -> AsyncStream:
        """Streams what happens to the jobs of a queue."""
    def enqueue(self, queue: Text, value: Any, *, timeout_ms: Duration = ...) -> Operation[int]:
        """Appends to a plain list."""
    def enqueue_at(self, queue: Text, value: Any, at: Time, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Appends to a plain list later."""
    def dequeue(self, queue: Text, wait_ms: Duration | None = ..., *, timeout_ms: Duration = ...) -> Operation[dict[str, Any] | None]:
        """Takes the oldest of a plain list."""


class Monitor(Protocol):
    """Health, hit rates by type, server figures, metrics for Prometheus, alerts, slow calls."""

    def health(self, timeout_ms: Duration | None = ...) -> Any:
        """Tries a ping, a write, a read and a delete, each with its own deadline."""
    def record(self, type: Text, hits: int, misses: int | None = ..., *, timeout_ms: Duration = ...) -> None:
        """Counts hits and misses of a type; written to Redis in batches."""
    def flush(self, *, timeout_ms: Duration = ...) -> None:
        """Writes the counts of this process now: before a short program ends."""
    def stats(self, type: Text | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """Hits and misses that all processes recorded in the last 24 hours."""
    def history(self, type: Text, *, timeout_ms: Duration = ...) -> List:
        """The same, in slices of ten minutes; oldest first, only those with counts."""
    def server(self, section: Text | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """What the servers say of themselves; of several the sum."""
    def metrics(self, format: Text | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """Everything that is counted, as text for Prometheus."""
    def alerts(self, *, timeout_ms: Duration = ...) -> List:
        """What is beyond its threshold now; none is remembered."""
    def slow(self, count: int | None = ..., *, timeout_ms: Duration = ...) -> Any:
        """The last slow calls of this process, and the servers' slow commands (names and keys only)."""


class AsyncMonitor(Protocol):
    """Health, hit rates by type, server figures, metrics for Prometheus, alerts, slow calls."""

    def health(self, timeout_ms: Duration | None = ...) -> Operation[Any]:
        """Tries a ping, a write, a read and a delete, each with its own deadline."""
    def record(self, type: Text, hits: int, misses: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[None]:
        """Counts hits and misses of a type; written to Redis in batches."""
    def flush(self, *, timeout_ms: Duration = ...) -> Operation[None]:
        """Writes the counts of this process now: before a short program ends."""
    def stats(self, type: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Hits and misses that all processes recorded in the last 24 hours."""
    def history(self, type: Text, *, timeout_ms: Duration = ...) -> Operation[List]:
        """The same, in slices of ten minutes; oldest first, only those with counts."""
    def server(self, section: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """What the servers say of themselves; of several the sum."""
    def metrics(self, format: Text | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """Everything that is counted, as text for Prometheus."""
    def alerts(self, *, timeout_ms: Duration = ...) -> Operation[List]:
        """What is beyond its threshold now; none is remembered."""
    def slow(self, count: int | None = ..., *, timeout_ms: Duration = ...) -> Operation[Any]:
        """The last slow calls of this process, and the servers' slow commands (names and keys only)."""
