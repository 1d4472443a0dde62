"""Around every request: who may send, what is written down about it, and errors without details."""

from __future__ import annotations

import base64
import hmac
import logging
import time
import traceback
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import falcon

RETRY_AFTER = 30
"""Seconds; a KoboToolbox server waits by its own clock (kobo-api.md §5.4), others may go by this."""

_log = logging.getLogger("webhook")


class RequestLog:
    """One line a request: ids, the answer's status, the time it took; never a query, a header or a body."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give the request its id, which the sender gets to see."""
        req.context.log = {"request": uuid.uuid4().hex}
        req.context.started = time.monotonic()
        resp.set_header("X-Request-ID", req.context.log["request"])

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Write the line."""
        level = logging.DEBUG if getattr(resource, "public", False) and req_succeeded else logging.INFO
        fields = {
            "method": req.method,
            "path": req.path[:200],
            "status": resp.status_code,
            "milliseconds": round(1000 * (time.monotonic() - req.context.started), 1),
            "sender": req.remote_addr,
        }
        _log.log(level, "answered", extra={"fields": req.context.log | fields})


class SecretCheck:
    """Lets in who knows one of the secrets, except to resources that are public.

    :param secrets: any of them will do; with none at all everybody is let in.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Compare in constant time, as bytes: a text that is not ASCII must be a wrong secret, not a failure.

        :raises falcon.HTTPUnauthorized: no secret or a wrong one.
        """
        if not self._secrets or getattr(resource, "public", False):
            return
        offers = [offer.encode("utf-8", "surrogatepass") for offer in _offered(req)]
        if not any(hmac.compare_digest(offer, secret) for offer in offers for secret in self._secrets):
            raise falcon.HTTPUnauthorized(
                description="The secret is missing or wrong.", challenges=['Basic realm="kobo-mirror"']
            )


def _offered(req: falcon.Request) -> Iterator[str]:
    """The secrets a request brings: by header, as the password of HTTP Basic, in the query."""
    yield req.get_header("X-Webhook-Secret", default="")
    scheme, _, credentials = (req.auth or "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            yield base64.b64decode(credentials, validate=True).decode("latin-1").partition(":")[2]
    yield from req.get_param_as_list("token") or []


def write_error(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    """The one shape of an error."""
    resp.media = {"status": "error", "message": error.description or error.title}


def answer_unavailable(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    """The database cannot take it: ask the sender to try again; what is wrong is for the log only.

    :raises falcon.HTTPServiceUnavailable: always; KoboToolbox tries again after it (kobo-api.md §5.4).
    """
    req.context.log["error"] = str(error)
    raise falcon.HTTPServiceUnavailable(
        description="The database cannot take it now. Send it again later.", retry_after=RETRY_AFTER
    )


def answer_unexpected(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    """A fault of ours: write down where it is, but not its text, which may hold answers.

    :raises falcon.HTTPInternalServerError: always.
    """
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    req.context.log |= {"error": type(error).__name__, "where": where}
    raise falcon.HTTPInternalServerError(description="A fault of the webhook. Its log has the request's id.")
