"""What operations raise.

Every error of an operation is a RedisOperationError with `operation` ("kv.get"), `key`, the original text, and the
status it came from. Its children also are what Python programs expect: an OperationTimeoutError is a TimeoutError, an
UnavailableError a ConnectionError, an InvalidArgumentError a ValueError.

What may be concluded about the server's data is part of the class:

    nothing that changes data was sent   InvalidArgumentError, InvalidStateError, MethodNotFoundError, PluginNotFoundError,
                                         IncompatibleError, OperationTimeoutError, OperationCancelledError,
                                         UnavailableError, BusyError
    unknown: may have been applied       UncertainError, ClosedError
    refused or broken off                RejectedError, DeniedError, ConflictError, CorruptError, LoaderFailedError
"""

from __future__ import annotations

from typing import Any

from . import _native

__all__ = [
    "BusyError",
    "ClosedError",
    "ConflictError",
    "CorruptError",
    "DeniedError",
    "ForkedError",
    "IncompatibleError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidStateError",
    "LoaderFailedError",
    "MethodNotFoundError",
    "OperationCancelledError",
    "OperationTimeoutError",
    "OutOfMemoryError",
    "PluginNotFoundError",
    "RedisOperationError",
    "RejectedError",
    "UnavailableError",
    "UncertainError",
]


class RedisOperationError(Exception):
    """An operation failed.

    operation    its name, "kv.get"; None where there was none (a client could not be made)
    key          the key it was about, or None; never a secret
    message      the original text: the server's, or the library's with the parameter and what to do
    server_code  the first word of the server's error reply ("WRONGTYPE"), or ""
    status       the number of the C ABI; status_name its name
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        key: str | bytes | None = None,
        server_code: str = "",
        status: int = _native.INTERNAL,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.key = key
        self.server_code = server_code
        self.status = status

    @property
    def status_name(self) -> str:
        return _native.status_name(self.status)

    def __str__(self) -> str:
        text = self.message or self.status_name
        if self.operation is not None and self.operation not in text:
            text = f"{self.operation}: {text}"
        if self.key is not None:
            text = f"{text} (key {self.key!r})"
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.message, self.operation, self.key, self.server_code, self.status)


def _again(
    kind: type[RedisOperationError],
    message: str,
    operation: str | None,
    key: str | bytes | None,
    server_code: str,
    status: int,
) -> RedisOperationError:
    return kind(message, operation=operation, key=key, server_code=server_code, status=status)


class InvalidArgumentError(RedisOperationError, ValueError):
    """The message names the parameter and what it takes."""


class InvalidStateError(RedisOperationError):
    """Not now."""


class ForkedError(RedisOperationError):
    """The core was inherited by fork. Clients notice and reset themselves, so this is not seen in practice."""


class ClosedError(RedisOperationError):
    """The client is closed; a change in flight may have been applied."""


class MethodNotFoundError(RedisOperationError, AttributeError):
    """No loaded plugin has a method of this name."""


class PluginNotFoundError(RedisOperationError, LookupError):
    """No plugin file of this name was found."""


class IncompatibleError(RedisOperationError):
    """A plugin or a server of another version."""


class OperationTimeoutError(RedisOperationError, TimeoutError):
    """The deadline passed; nothing that changes data was sent."""

    __str__ = RedisOperationError.__str__


class OperationCancelledError(RedisOperationError):
    """Cancelled; nothing that changes data was sent."""


class UnavailableError(RedisOperationError, ConnectionError):
    """No server could be reached; nothing that changes data was sent."""

    __str__ = RedisOperationError.__str__


class UncertainError(RedisOperationError):
    """A change was sent and its reply is unknown: it may have been applied."""


class RejectedError(RedisOperationError):
    """The server's error reply; see server_code."""


class DeniedError(RedisOperationError, PermissionError):
    """Password, ACL or TLS."""

    __str__ = RedisOperationError.__str__


class ConflictError(RedisOperationError):
    """The data changed in between."""


class BusyError(RedisOperationError):
    """A bound is reached: connections, requests in flight, a queue's length."""


class CorruptError(RedisOperationError):
    """What is stored is not what was asked for."""


class LoaderFailedError(RedisOperationError):
    """The caller that was told to load reported a failure."""


class OutOfMemoryError(RedisOperationError, MemoryError):
    """Out of memory, here."""


class InternalError(RedisOperationError):
    """A fault of cachecore or of a plugin."""


_by_status: dict[int, type[RedisOperationError]] = {
    _native.INVALID_ARGUMENT: InvalidArgumentError,
    _native.INVALID_STATE: InvalidStateError,
    _native.FORKED: ForkedError,
    _native.CLOSED: ClosedError,
    _native.NO_METHOD: MethodNotFoundError,
    _native.NO_PLUGIN: PluginNotFoundError,
    _native.INCOMPATIBLE: IncompatibleError,
    _native.TIMEOUT: OperationTimeoutError,
    _native.CANCELLED: OperationCancelledError,
    _native.UNAVAILABLE: UnavailableError,
    _native.UNCERTAIN: UncertainError,
    _native.REJECTED: RejectedError,
    _native.DENIED: DeniedError,
    _native.CONFLICT: ConflictError,
    _native.BUSY: BusyError,
    _native.CORRUPT: CorruptError,
    _native.LOADER_FAILED: LoaderFailedError,
    _native.NO_MEMORY: OutOfMemoryError,
    _native.INTERNAL: InternalError,
}


CAN_RETRY = (BusyError, DeniedError, OperationTimeoutError, RejectedError, UnavailableError, UncertainError)
"""Errors that may have passed when a program that serves tries again later."""


def make_error(
    status: int,
    message: str,
    server_code: str = "",
    operation: str | None = None,
    key: str | bytes | None = None,
) -> RedisOperationError:
    """The exception for a status; called by the native module."""
    kind = _by_status.get(status, RedisOperationError)
    return kind(message, operation=operation, key=key, server_code=server_code, status=status)
