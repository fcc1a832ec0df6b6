"""FastAPI and ASGI: a real uvicorn and httpx against a real server."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

import httpx
import pytest
import uvicorn
from conftest import needs
from fastapi import Depends, FastAPI, Request

import cachecore
from cachecore import AsyncClient
from cachecore.fastapi import (
    AuthMiddleware,
    Session,
    SessionCookie,
    SessionMiddleware,
    cached_page,
    current_user,
    get_cache,
    lifespan,
    monitor_routes,
    session_dependency,
)

COOKIE = SessionCookie(secure=False)
current = session_dependency(COOKIE)


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", proxy_headers=False))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def test_lifespan_starts_and_stops_in_order(url: str) -> None:
    order: list[str] = []
    kept: list[AsyncClient] = []

    @asynccontextmanager
    async def database(app: Any) -> Any:
        kept.append(app.state.cachecore)
        order.append("database up")
        yield {"database": "here"}
        order.append(f"database down, cache {'closed' if kept[0].closed else 'open'}")

    app = FastAPI(lifespan=lifespan(url, database))

    @app.get("/")
    async def root(request: Request, cache: Annotated[AsyncClient, Depends(get_cache)]) -> Any:
        await cache.kv.set("greeting", "hello")
        return [request.state.database, await cache.kv.get("greeting")]

    with served(app) as http:
        assert http.get("/").json() == ["here", "hello"]
    assert order == ["database up", "database down, cache open"]
    assert kept[0].closed


def test_pages_are_cached_with_etags(url: str) -> None:
    app = FastAPI(lifespan=lifespan(url))
    loads: list[str] = []

    @app.get("/products/{category}")
    @cached_page("page:products:{category}", expire=60)
    async def products(category: str) -> Any:
        loads.append(category)
        if category == "none":
            return httpx_response(404)
        return {"category": category, "load": len(loads)}

    @app.get("/sync")
    @cached_page("page:{request.url.path}", expire=60)
    def sync() -> Any:
        loads.append("sync")
        return ["plain"]

    @app.post("/invalidate/{category}")
    async def invalidate(category: str) -> Any:
        return await products.invalidate(category=category)

    with served(app) as http:
        first = http.get("/products/tea")
        again = http.get("/products/tea")
        assert first.json() == again.json() == {"category": "tea", "load": 1}
        assert first.headers["etag"] == again.headers["etag"] and first.headers["cache-control"] == "max-age=60"
        unchanged = http.get("/products/tea", headers={"if-none-match": first.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert http.get("/products/coffee").json()["category"] == "coffee"
        http.post("/invalidate/tea")
        fresh = http.get("/products/tea", headers={"if-none-match": first.headers["etag"]})
        assert fresh.status_code == 200 and fresh.json()["load"] == 3
        assert [http.get("/products/none").status_code for _ in range(2)] == [404, 404]
        assert loads.count("none") == 2  # what failed is not kept
        assert http.get("/sync").json() == http.get("/sync").json() == ["plain"] and loads.count("sync") == 1


def httpx_response(status: int) -> Any:
    from fastapi.responses import JSONResponse

    return JSONResponse({}, status)


def session_app(url: str) -> FastAPI:
    app = FastAPI(lifespan=lifespan(url))
    app.add_middleware(SessionMiddleware, cookie=COOKIE)

    @app.post("/login/{user}")
    async def login(request: Request, user: str) -> Any:
        request.session.login(user)
        request.session["theme"] = "dark"
        return {}

    @app.post("/set/{name}/{value}")
    async def change(request: Request, name: str, value: str) -> Any:
        request.session[name] = value
        return {}

    @app.post("/logout")
    async def logout(request: Request) -> Any:
        request.session.logout()
        return {}

    @app.get("/me")
    async def me(session: Annotated[Session, Depends(current)]) -> Any:
        return {"user": session.user_id, **session}

    return app


def test_sessions_of_requests(url: str, client: cachecore.Client) -> None:
    needs(client, "session")
    with served(session_app(url)) as http:
        assert http.get("/me").status_code == 401
        http.post("/set/cart/1")
        anonymous = http.cookies["session"]
        assert http.get("/me").json() == {"user": None, "cart": "1"}
        said = http.post("/login/ada").headers["set-cookie"]
        assert "HttpOnly" in said and "SameSite=Lax" in said and "Path=/" in said
        assert http.cookies["session"] != anonymous  # no fixation
        me = http.get("/me")
        assert me.json() == {"user": "ada", "cart": "1", "theme": "dark"}
        assert "set-cookie" in me.headers  # slides
        http.post("/set/theme/light")
        assert http.get("/me").json()["theme"] == "light"
        identity = http.cookies["session"]
        http.post("/logout")
        assert "session" not in http.cookies
        gone = http.get("/me", headers={"cookie": f"session={identity}"})
        assert gone.status_code == 401 and "Max-Age=0" in gone.headers["set-cookie"]
        assert http.get("/me", headers={"cookie": "session=made-up"}).status_code == 401
        assert SessionCookie().header("x", None).count("Secure") == 1


def auth_app(url: str, **settings: Any) -> FastAPI:
    app = FastAPI(lifespan=lifespan(url, ping=False, **settings))
    app.add_middleware(AuthMiddleware, whitelist=["/login", "/docs*"], internal=["/internal/*"], internal_networks=["10.0.0.0/8"])

    @app.post("/login")
    async def login(cache: Annotated[AsyncClient, Depends(get_cache)]) -> Any:
        return await cache.auth.issue("ada", {"role": "admin"})

    @app.get("/me")
    async def me(request: Request) -> Any:
        return request.user["user_id"], request.state.user["metadata"]

    @app.get("/also")
    async def also(user: Annotated[dict[str, Any], Depends(current_user)]) -> Any:
        return user["user_id"]

    @app.post("/logout")
    async def logout(request: Request, cache: Annotated[AsyncClient, Depends(get_cache)]) -> Any:
        return await cache.auth.revoke(request.auth["token"])

    @app.get("/internal/metrics")
    async def metrics() -> Any:
        return {}

    return app


def test_bearer_tokens(url: str, client: cachecore.Client) -> None:
    needs(client, "auth")
    with served(auth_app(url)) as http:
        assert http.get("/me").status_code == 401
        token = http.post("/login").json()["token"]
        bearer = {"authorization": f"Bearer {token}"}
        assert http.get("/me", headers=bearer).json() == ["ada", {"role": "admin"}]
        assert http.get("/also", headers=bearer).json() == "ada"
        refused = http.get("/me", headers={"authorization": f"Bearer {token[:-1]}x"})
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer")
        assert http.get("/me", headers={"authorization": token}).status_code == 401
        assert http.get("/internal/metrics", headers=bearer).status_code == 403
        assert http.get("/internal/metrics", headers={"x-forwarded-for": "10.0.0.1", **bearer}).status_code == 403
        assert http.post("/logout", headers=bearer).json() is True
        assert http.get("/me", headers=bearer).status_code == 401


def test_nobody_passes_unverified_when_redis_is_away(client: cachecore.Client) -> None:
    needs(client, "auth")
    token = client.auth.issue("ada")["token"]
    with served(auth_app("redis://127.0.0.1:1", call_timeout_ms=500)) as http:
        assert http.get("/me", headers={"authorization": f"Bearer {token}"}).status_code == 503


def test_health_and_stats(url: str, client: cachecore.Client) -> None:
    needs(client, "monitor")
    app = FastAPI(lifespan=lifespan(url))
    app.include_router(monitor_routes())
    with served(app) as http:
        health = http.get("/health")
        assert health.status_code == 200 and health.json()["status"] == "healthy"
        client.monitor.record("users", 3, 1)
        client.monitor.flush()
        assert http.get("/stats/users").json()["hit_rate"] == pytest.approx(0.75)
    app = FastAPI(lifespan=lifespan("redis://127.0.0.1:1", ping=False, call_timeout_ms=500))
    app.include_router(monitor_routes())
    with served(app) as http:
        assert http.get("/health").status_code == 503
