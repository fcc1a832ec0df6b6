"""What the web integrations share: cookies and bearer tokens."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal


@dataclass(frozen=True)
class SessionCookie:
    """How a session's id is kept by the browser: out of reach of scripts, over TLS, and not sent along by other sites."""

    name: str = "session"
    path: str = "/"
    domain: str | None = None
    secure: bool = True
    http_only: bool = True
    same_site: Literal["lax", "strict", "none"] = "lax"

    def header(self, value: str, max_age: int | None) -> str:
        """The Set-Cookie header; an empty value takes the cookie back."""
        parts = [f"{self.name}={value}", f"Path={self.path}"]
        if self.domain:
            parts.append(f"Domain={self.domain}")
        if not value:
            max_age = 0
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        if self.secure:
            parts.append("Secure")
        if self.http_only:
            parts.append("HttpOnly")
        parts.append(f"SameSite={self.same_site.capitalize()}")
        return "; ".join(parts)

    def read(self, header: str) -> str | None:
        """The session's id in a Cookie header."""
        try:
            found = SimpleCookie(header).get(self.name)
        except CookieError:
            return None
        return found.value if found is not None and found.value else None


def header_of(scope: Any, name: bytes) -> str | None:
    """A header of an ASGI request."""
    for key, value in scope.get("headers", ()):
        if key == name:
            return str(value.decode("latin-1"))
    return None


def bearer_token(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
