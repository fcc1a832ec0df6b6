"""Pure ASGI middleware, for Starlette, FastAPI and every other ASGI application.

    app.add_middleware(SessionMiddleware)
    app.add_middleware(AuthMiddleware, whitelist=["/login", "/health", "/static/*"])

SessionMiddleware puts a LazySession into scope["session"] (request.session): nothing is asked of the server until it is
read, what was changed is saved before the response begins, and a session is made at the first write. AuthMiddleware
lets only requests with a good bearer token pass and puts what auth.verify answered into scope["user"] (request.user).
"""

from __future__ import annotations

import fnmatch
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from typing import Any, TypeAlias

from . import sessions, shared
from .client import AsyncClient, Client
from .durations import Duration, milliseconds
from .errors import RedisOperationError
from .web import SessionCookie, bearer_token, header_of

log = logging.getLogger("cachecore")

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
ClientSource: TypeAlias = AsyncClient | Client | Callable[[], AsyncClient | Client] | None


def async_client_of(source: ClientSource) -> AsyncClient:
    found = source() if callable(source) else source
    if found is None:
        return shared.async_client()
    return found.async_client() if isinstance(found, Client) else found


async def _answer(send: Send, status: int, body: Any, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    content = json.dumps(body).encode()
    length = str(len(content)).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": content})


class LazySession(MutableMapping[str, Any]):
    """The attributes of a request's session. Read after `await request.session.load()`, which SessionMiddleware has done
    where the request brought a cookie; a request without one has an empty session, made when it is written to."""

    def __init__(self, loaded: sessions.Session | None) -> None:
        self.loaded = loaded
        self.user_id: str | None = loaded.user_id if loaded is not None else None
        self._fresh: dict[str, Any] = {}
        self._ended = False
        self._login: tuple[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self.loaded[name] if self.loaded is not None else self._fresh[name]

    def __setitem__(self, name: str, value: Any) -> None:
        (self.loaded if self.loaded is not None else self._fresh)[name] = value

    def __delitem__(self, name: str) -> None:
        del (self.loaded if self.loaded is not None else self._fresh)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.loaded if self.loaded is not None else self._fresh)

    def __len__(self) -> int:
        return len(self.loaded if self.loaded is not None else self._fresh)

    def login(self, user_id: str, ticket: Any = None) -> None:
        """Somebody has logged in: the session gets a new id (no fixation) and belongs to them."""
        self._login = (user_id, ticket)
        self.user_id = user_id

    def logout(self) -> None:
        """The session ends with this request."""
        self._ended = True

    async def settle(self, client: AsyncClient, idle: Duration | None) -> tuple[str, bool]:
        """Saves it; the cookie's value, and whether it has to be sent."""
        if self._ended:
            if self.loaded is not None:
                await self.loaded.destroy()
            return "", True
        if self.loaded is None:
            if not self._fresh and self._login is None:
                return "", False
            user_id, ticket = self._login or (None, None)
            made = await sessions.create(user_id, self._fresh, client=client, idle=idle, ticket=ticket)
            return made.id, True
        alive = True
        if self._login is not None:
            alive = await self.loaded.regenerate(*self._login)
        if alive and self.loaded.changed:
            alive = await self.loaded.save()
        return (self.loaded.id, True) if alive else ("", True)


class SessionMiddleware:
    def __init__(
        self,
        app: App,
        *,
        client: ClientSource = None,
        cookie: SessionCookie | None = None,
        idle: Duration | None = None,
    ) -> None:
        self.app = app
        self._client = client
        self._cookie = cookie or SessionCookie()
        self._idle = idle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        client = async_client_of(self._client)
        given = self._cookie.read(header_of(scope, b"cookie") or "")
        loaded = await sessions.load(given, client=client) if given else None
        session = scope["session"] = LazySession(loaded)

        async def send_with_cookie(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                value, changed = await session.settle(client, self._idle)
                if changed or loaded is not None or given:
                    value = value or (loaded.id if loaded is not None and not changed else "")
                    age = None if self._idle is None else milliseconds(self._idle) // 1000
                    header = (b"set-cookie", self._cookie.header(value, age).encode())
                    message["headers"] = [*message.get("headers", []), header]
            await send(message)

        await self.app(scope, receive, send_with_cookie)


class AuthMiddleware:
    """whitelist: paths that need no token, with * at the end for all below; internal: paths that only `internal_networks`
    reach (by the connection's address; a server that believes X-Forwarded-For, as uvicorn does from its own machine, changes
    that); everything else needs `Authorization: Bearer TOKEN`.

    When the server cannot be read the answer is 503: nobody passes unverified. 401 says that the token is missing, wrong or
    over."""

    def __init__(
        self,
        app: App,
        *,
        client: ClientSource = None,
        whitelist: Sequence[str] = (),
        internal: Sequence[str] = (),
        internal_networks: Sequence[str] = ("127.0.0.0/8", "::1/128"),
        realm: str = "api",
    ) -> None:
        self.app = app
        self._client = client
        self._whitelist = list(whitelist)
        self._internal = list(internal)
        self._networks = [ipaddress.ip_network(each) for each in internal_networks]
        self._challenge = (b"www-authenticate", f'Bearer realm="{realm}"'.encode())

    @staticmethod
    def _matches(path: str, patterns: Sequence[str]) -> bool:
        return any(path == each or ("*" in each and fnmatch.fnmatchcase(path, each)) for each in patterns)

    def _from_inside(self, scope: Scope) -> bool:
        host = (scope.get("client") or ("",))[0]
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks if network.version == address.version)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if self._matches(path, self._internal):
            if self._from_inside(scope):
                await self.app(scope, receive, send)
            else:
                await self._refuse(scope, receive, send, 403, "only from inside", ())
            return
        if self._matches(path, self._whitelist):
            await self.app(scope, receive, send)
            return
        token = bearer_token(header_of(scope, b"authorization"))
        try:
            user = None if token is None else await async_client_of(self._client).using(on_error="raise").auth.verify(token)
        except ValueError:
            user = None
        except RedisOperationError as error:
            log.warning("auth: %s", error)
            await self._refuse(scope, receive, send, 503, "tokens cannot be verified now", ((b"retry-after", b"1"),))
            return
        if user is None:
            detail = "a bearer token is needed" if token is None else "this token is not valid"
            await self._refuse(scope, receive, send, 401, detail, (self._challenge,))
            return
        scope["user"] = user
        scope["auth"] = {"token": token}
        scope.setdefault("state", {})["user"] = user
        await self.app(scope, receive, send)

    @staticmethod
    async def _refuse(
        scope: Scope, receive: Receive, send: Send, status: int, detail: str, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": detail})
            return
        await _answer(send, status, {"detail": detail}, headers)
