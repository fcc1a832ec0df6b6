"""Sessions of users, over the plugin `session`.

    session = await sessions.create("42", {"theme": "dark"}, client=client)
    session["theme"] = "light"
    await session.save()

A Session is what was loaded and what was changed since: save writes the changed attributes alone, so two requests that
change different ones do not overwrite each other, and never makes a session that has ended. The functions take a Client
or an AsyncClient; with the latter, and the methods of a Session that came of one, they are awaited.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from ._flow import Flow, arun, run
from .client import AsyncClient, Client
from .durations import Duration, milliseconds
from .values import to_plain


class Session(MutableMapping[str, Any]):
    """The attributes of a session; `id` is for its holder alone."""

    def __init__(self, client: Client | AsyncClient, described: dict[str, Any], given_id: str | None = None) -> None:
        self._client = client
        self._take(described)
        self.given_id = given_id or self.id
        self._changes: dict[str, Any] = {}

    def _take(self, described: dict[str, Any]) -> None:
        self.id: str = described["id"]
        self.handle: str = described.get("handle", "")
        self.user_id: str | None = described.get("user_id")
        self.version: int = described.get("version", 0)
        self.expires_at_ms: int | None = described.get("expires_at_ms")
        self.attributes: dict[str, Any] = dict(described.get("attributes") or {})

    @property
    def replaced(self) -> bool:
        """Whether the id that was asked for has been replaced: then `id` has to go to its holder."""
        return self.id != self.given_id

    @property
    def changed(self) -> bool:
        return bool(self._changes)

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def __setitem__(self, name: str, value: Any) -> None:
        plain = to_plain(value)
        self.attributes[name] = plain
        self._changes[name] = plain

    def __delitem__(self, name: str) -> None:
        del self.attributes[name]
        self._changes[name] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self.attributes)

    def __len__(self) -> int:
        return len(self.attributes)

    def __repr__(self) -> str:
        return f"<cachecore session of {self.user_id!r} with {sorted(self.attributes)}>"

    # ---- what may be awaited ----

    def _drive(self, flow: Flow[Any]) -> Any:
        return arun(flow) if isinstance(self._client, AsyncClient) else run(flow)

    def save(self, *, only_unchanged: bool = False) -> Any:
        """Writes what was changed here; true if it did. False: the session has ended meanwhile. With only_unchanged it
        is ConflictError if somebody else has changed the session since it was loaded."""
        return self._drive(self._save(self.version if only_unchanged else None))

    def _save(self, version: int | None) -> Flow[bool]:
        if not self._changes:
            return True
        changes, self._changes = self._changes, {}
        try:
            came = yield lambda: self._client.session.update(self.id, changes, version)
        except BaseException:
            self._changes = {**changes, **self._changes}
            raise
        if came is None:
            return False
        self.version = came
        return True

    def touch(self) -> Any:
        """Its idle time begins anew: in how many ms it expires, or None if it has ended."""
        return self._drive(self._call(lambda: self._client.session.refresh(self.id)))

    def regenerate(self, user_id: str | None = None, ticket: Any = None) -> Any:
        """A new id, which a login needs (user_id: who has logged in). True, or False if it has ended."""
        return self._drive(self._regenerate(user_id, ticket))

    def _regenerate(self, user_id: str | None, ticket: Any) -> Flow[bool]:
        came = yield lambda: self._client.session.regenerate(self.id, user_id, ticket)
        if came is None:
            return False
        changes = self._changes
        self._take(came)
        for name, value in changes.items():
            if value is None:
                self.attributes.pop(name, None)
            else:
                self.attributes[name] = value
        return True

    def destroy(self) -> Any:
        """Ends it; true if it had not ended."""
        return self._drive(self._call(lambda: self._client.session.destroy(self.id)))

    @staticmethod
    def _call(call: Any) -> Flow[Any]:
        return (yield call)


def create(
    user_id: str | None,
    attributes: dict[str, Any] | None = None,
    *,
    client: Client | AsyncClient,
    idle: Duration | None = None,
    absolute: Duration | None = None,
    max_per_user: int | None = None,
    ticket: Any = None,
) -> Any:
    """A new Session; `ticket`: what session.begin gave before the credentials were checked."""

    def flow() -> Flow[Session]:
        plain = to_plain(attributes or {})
        made = yield lambda: client.session.create(
            user_id,
            plain,
            None if idle is None else milliseconds(idle),
            None if absolute is None else milliseconds(absolute),
            max_per_user,
            ticket,
        )
        return Session(client, {"attributes": plain, **made})

    return arun(flow()) if isinstance(client, AsyncClient) else run(flow())


def load(id: str, *, client: Client | AsyncClient) -> Any:
    """The Session of an id, or None. Its idle time begins anew, written at most every minute."""

    def flow() -> Flow[Session | None]:
        found = yield lambda: client.session.get(id)
        return None if found is None else Session(client, found, id)

    return arun(flow()) if isinstance(client, AsyncClient) else run(flow())
