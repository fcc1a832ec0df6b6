"""What undoes a grant that reached nobody.

A task may be cancelled after its answer has come and before it runs again: then the lock, lease or session in it would
be nobody's. The native module calls these with the answer, on the event loop, and does not wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import _Client


def _cache_lookup(client: _Client, answer: Any) -> Any:
    if answer.get("state") == "load":
        return client.call("cache.fail", answer["lease"], "the caller that was told to load was cancelled")
    return None


def _lock_acquire(client: _Client, answer: Any) -> Any:
    return client.call("lock.release", answer["lock"])


def _queue_claim(client: _Client, answer: Any) -> Any:
    jobs = answer["jobs"] if isinstance(answer, dict) else answer
    for job in jobs or []:
        _unwatched(client.call("queue.release", job["job"] if isinstance(job, dict) and "job" in job else job))
    return None


def _session_create(client: _Client, answer: Any) -> Any:
    return client.call("session.destroy", answer["id"] if isinstance(answer, dict) else answer)


def _auth_issue(client: _Client, answer: Any) -> Any:
    return client.call("auth.revoke", answer["token"] if isinstance(answer, dict) else answer)


_undo: dict[str, Callable[[_Client, Any], Any]] = {
    "cache.lookup": _cache_lookup,
    "lock.acquire": _lock_acquire,
    "lock.acquire_many": _lock_acquire,
    "queue.claim": _queue_claim,
    "session.create": _session_create,
    "auth.issue": _auth_issue,
}


def _unwatched(operation: Any) -> None:
    """What fails here expires by itself: leases, locks and sessions all do."""
    if operation is not None:
        operation.add_done_callback(lambda done: done.cancelled() or done.exception())


def undo_of(method: str, client: _Client) -> Callable[[Any], None] | None:
    undo = _undo.get(method)
    if undo is None:
        return None
    return lambda answer: _unwatched(undo(client, answer)) if answer else None
