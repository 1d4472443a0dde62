"""Responses without data: errors in the words of the real server (kobo-api.md §1.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping

_PAGE = """<!doctype html>
<html>
  <head><meta charset="utf-8"><title>KoboToolbox </title></head>
  <body><form class='registration registration--login'><h1>{title}</h1>{text}</form></body>
</html>
"""
HTML_404 = _PAGE.format(title="Page not found (404)", text="There is nothing at this address.")
HTML_500 = _PAGE.format(title="Server error (500)", text="The request could not be served.")
HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
HTML_414 = HTML_502.replace("502 Bad Gateway", "414 Request-URI Too Large")
HTML_LOGIN = _PAGE.format(title="Log in", text="Please log in.")
NOT_FOUND = {"detail": "Not found."}
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
INVALID_TOKEN = {"detail": "Invalid token."}


class Problem(Exception):
    """A request that ends with an error.

    :param status: the HTTP status.
    :param body: what is sent as JSON, or an HTML page if it is text.
    :param headers: further headers.
    """

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.content_type = "text/html; charset=utf-8" if isinstance(body, str) else "application/json"
        self.body = body if isinstance(body, str) else compact(body)
        self.headers = dict(headers or {})


def compact(value: object) -> str:
    """Return JSON as the real server writes it: no blanks, no escapes but of what UTF-8 cannot hold.

    :param value: anything that JSON can hold.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() or _is_unicode(text) else json.dumps(value, separators=(",", ":"))


def not_found() -> Problem:
    """Return the 404 for a thing that does not exist or that this user may not see."""
    return Problem(404, NOT_FOUND)


def page_not_found() -> Problem:
    """Return the 404 page that the real server shows below a form that it does not have."""
    return Problem(404, HTML_404)


def server_error() -> Problem:
    """Return the 500 of a request that the real server does not handle."""
    return Problem(500, HTML_500)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
