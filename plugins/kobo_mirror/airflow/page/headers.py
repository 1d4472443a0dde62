"""The headers of the page's answers: what a browser may do with them."""

from __future__ import annotations

from typing import Any

from fastapi import Request

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


async def with_headers(request: Request, call_next: Any) -> Any:
    """Add the headers to an answer.

    :param request: is answered.
    :param call_next: answers it.
    :returns: the answer with its headers.
    """
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
