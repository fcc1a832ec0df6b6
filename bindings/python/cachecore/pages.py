"""Whole pages from the cache, with ETags.

    @app.get("/products/{category}")
    @cached_page("page:products:{category}", expire=60)
    async def products(category: str) -> Any: ...

The response of the endpoint (a Response, or what FastAPI makes JSON of) is rendered once and kept with its status and
content type; a browser that has it (If-None-Match) gets 304 without a body. Only 200 is kept. What depends on who asks does
not belong here, unless the template names them: the key is all that tells pages apart.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ._flow import Flow, arun
from .caching import CachedFunction, ClientSource, Region, policy_of, read_through
from .durations import Duration, milliseconds
from .key_templates import KeyTemplate
from .values import to_plain

_REQUEST = "cachecore_request"


class _NotKept(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def cached_page(
    template: str,
    expire: Duration | None = None,
    *,
    region: str | None = None,
    client: ClientSource = None,
    **policy: Any,
) -> Callable[[Callable[..., Any]], Any]:
    """Caches the response of an endpoint. The template may name the endpoint's parameters, and `{request.url.path}`."""
    parsed = KeyTemplate(template)
    shape = Region(region or parsed.region, policy_of(expire, policy), client)
    max_age = None if expire is None else milliseconds(expire) // 1000

    def decorate(endpoint: Callable[..., Any]) -> Any:
        signature = inspect.signature(endpoint)
        own = next((p.name for p in signature.parameters.values() if p.annotation in (Request, "Request")), None)
        asynchronous = inspect.iscoroutinefunction(endpoint)

        @functools.wraps(endpoint)
        async def page(*args: Any, **kwargs: Any) -> Response:
            request: Request = kwargs[own] if own is not None else kwargs.pop(_REQUEST)

            async def load() -> dict[str, Any]:
                made = await endpoint(*args, **kwargs) if asynchronous else await run_in_threadpool(endpoint, *args, **kwargs)
                response = made if isinstance(made, Response) else _json_response(made)
                if response.status_code != 200 or not hasattr(response, "body") or "set-cookie" in response.headers:
                    raise _NotKept(response)
                return _packed(response)

            bound = signature.bind_partial(*args, **kwargs)
            bound.apply_defaults()
            key = parsed.expand({**bound.arguments, "request": request})
            try:
                kept = await arun(read_through(shape, key, load, True))
            except _NotKept as other:
                return other.response
            return _response(kept, request, max_age)

        def method(name: str, *values: Any) -> Any:
            def flow() -> Flow[Any]:
                methods = yield from shape.methods(True)
                return (yield lambda: getattr(methods, name)(shape.name, *values))

            return arun(flow())

        page.invalidate = lambda **values: method("delete", parsed.expand(values))  # type: ignore[attr-defined]
        page.invalidate_matching = lambda pattern: method("invalidate", pattern)  # type: ignore[attr-defined]
        page.invalidate_all = lambda: method("invalidate", "*")  # type: ignore[attr-defined]
        hints = {name: each for name, each in getattr(endpoint, "__annotations__", {}).items() if name != "return"}
        if own is None:
            added = inspect.Parameter(_REQUEST, inspect.Parameter.KEYWORD_ONLY, annotation=Request)
            signature_of_page = signature.replace(parameters=[*signature.parameters.values(), added])
            hints[_REQUEST] = Request
        else:
            signature_of_page = signature
        page.__signature__ = signature_of_page.replace(return_annotation=inspect.Signature.empty)  # type: ignore[attr-defined]
        page.__annotations__ = hints
        return page

    return decorate


def _json_response(made: Any) -> Response:
    return Response(json.dumps(to_plain(made), ensure_ascii=False), media_type="application/json")


def _packed(response: Response) -> dict[str, Any]:
    body = bytes(response.body)
    headers = {name: value for name, value in response.headers.items() if name not in ("content-length", "etag")}
    return {
        "body": base64.b64encode(body).decode(),
        "headers": headers,
        "etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    }


def _response(kept: dict[str, Any], request: Request, max_age: int | None) -> Response:
    headers = {**kept["headers"], "etag": kept["etag"]}
    if max_age is not None:
        headers.setdefault("cache-control", f"max-age={max_age}")
    asked = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if kept["etag"] in asked or "*" in asked:
        headers.pop("content-type", None)
        return Response(status_code=304, headers=headers)
    return Response(base64.b64decode(kept["body"]), headers=headers)


__all__ = ["CachedFunction", "cached_page"]
