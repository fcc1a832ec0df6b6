"""cachecore in FastAPI.

    app = FastAPI(lifespan=lifespan("redis://localhost:6379/0"))
    app.include_router(monitor_routes())

    @app.get("/me")
    async def me(session: Annotated[Session, Depends(current_session)]) -> dict[str, Any]:
        return {"user": session.user_id}

What there is: lifespan, the dependencies get_cache, current_session and current_user, cached_page, AuthMiddleware,
SessionMiddleware, and the routes /health and /stats/{type}.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from . import sessions, shared
from .client import AsyncClient
from .durations import Duration, milliseconds
from .errors import InvalidArgumentError, RedisOperationError
from .pages import cached_page
from .sessions import Session
from .starlette import AuthMiddleware, SessionMiddleware
from .web import SessionCookie, bearer_token

__all__ = [
    "AuthMiddleware",
    "Session",
    "SessionCookie",
    "SessionMiddleware",
    "cached_page",
    "current_session",
    "current_user",
    "get_cache",
    "lifespan",
    "monitor_routes",
    "session_dependency",
]

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


def lifespan(url: str | None = None, *inner: Lifespan, ping: bool = True, **settings: Any) -> Lifespan:
    """A lifespan that makes the client of the application (app.state.cachecore, and the shared one), waits for its first
    reply (`ping`), enters the `inner` lifespans in order, and ends everything in the reverse order."""

    @asynccontextmanager
    async def run(app: Any) -> AsyncIterator[dict[str, Any]]:
        client = AsyncClient(url, **settings)
        try:
            if ping:
                await client.redis.ping()
            app.state.cachecore = client
            shared.adopt(client)
            async with _entered(app, inner) as state:
                yield state
        finally:
            await client.aclose()

    return run


@asynccontextmanager
async def _entered(app: Any, inner: tuple[Lifespan, ...]) -> AsyncIterator[dict[str, Any]]:
    if not inner:
        yield {}
        return
    async with inner[0](app) as state, _entered(app, inner[1:]) as more:
        yield {**(state or {}), **more}


def get_cache(request: Request) -> AsyncClient:
    """Depends(get_cache): the application's client."""
    found = getattr(request.app.state, "cachecore", None)
    return found if isinstance(found, AsyncClient) else shared.async_client()


def session_dependency(
    cookie: SessionCookie | None = None, *, idle: Duration | None = None, required: bool = True
) -> Callable[..., Any]:
    """A dependency that gives the request's Session by its cookie, and renews the cookie with every request (sliding).
    Without a session: 401, which takes the cookie back; or None, if it is not required."""
    kept = cookie or SessionCookie()
    age = None if idle is None else milliseconds(idle) // 1000

    async def dependency(request: Request, response: Response) -> Session | None:
        given = request.cookies.get(kept.name)
        found = await sessions.load(given, client=get_cache(request)) if given else None
        if found is None:
            if not required:
                return None
            headers = {"set-cookie": kept.header("", 0)} if given else None
            raise HTTPException(401, "there is no session: log in", headers=headers)
        response.headers.append("set-cookie", kept.header(found.id, age))
        return found  # type: ignore[no-any-return]

    return dependency


current_session = session_dependency()
"""Depends(current_session): the Session of the cookie "session", else 401."""


async def current_user(request: Request) -> dict[str, Any]:
    """Depends(current_user): what auth.verify says of the request's bearer token: {user_id, metadata, ...}; else 401, and
    503 when tokens cannot be verified."""
    token = bearer_token(request.headers.get("authorization"))
    challenge = {"www-authenticate": "Bearer"}
    if token is None:
        raise HTTPException(401, "a bearer token is needed", headers=challenge)
    try:
        user = await get_cache(request).using(on_error="raise").auth.verify(token)
    except InvalidArgumentError:
        user = None
    except RedisOperationError as error:
        raise HTTPException(503, "tokens cannot be verified now", headers={"retry-after": "1"}) from error
    if user is None:
        raise HTTPException(401, "this token is not valid", headers=challenge)
    return user


def monitor_routes(prefix: str = "") -> APIRouter:
    """/health (503 when it is not well) and /stats/{type}."""
    router = APIRouter(prefix=prefix, tags=["monitoring"])

    @router.get("/health")
    async def health(request: Request) -> JSONResponse:
        try:
            said = await get_cache(request).using(on_error="raise").monitor.health()
        except RedisOperationError as error:
            said = {"status": "unhealthy", "reason": error.status_name}
        return JSONResponse(said, 503 if said["status"] == "unhealthy" else 200)

    @router.get("/stats/{type}")
    async def stats(request: Request, type: str) -> Any:
        found = await get_cache(request).monitor.stats(type)
        if found is None:
            raise HTTPException(404, f"nothing was recorded of {type}")
        return found

    return router
