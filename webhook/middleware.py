"""Log and count every request, and answer errors without details."""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from typing import Any

import falcon

from kobo_mirror.errors import DatabaseError, SchemaError
from webhook.metrics import Metrics

RETRY_AFTER = 30
"""Seconds; a KoboToolbox server waits by its own clock (kobo-api.md §5.4), others may go by this."""

_log = logging.getLogger("webhook")


class RequestLog:
    """Middleware that logs a line for each request: ids, status, time taken; never a query, header or body.

    It counts deliveries, too: what is posted to a resource that is not public.

    :param metrics: counts them.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give the request an id, and send it in the answer."""
        req.context.log = {"request": uuid.uuid4().hex}
        req.context.started = time.monotonic()
        resp.set_header("X-Request-ID", req.context.log["request"])

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Log the request, and count it if it is a delivery."""
        public = getattr(resource, "public", False)
        level = logging.DEBUG if public and req_succeeded else logging.INFO
        seconds = time.monotonic() - req.context.started
        if resource and not public and req.method == "POST":
            self._metrics.delivered(resp.status_code, req.context.log, seconds)
        fields = {
            "method": req.method,
            "path": req.path[:200],
            "status": resp.status_code,
            "milliseconds": round(1000 * seconds, 1),
            "sender": req.remote_addr,
        }
        _log.log(level, "answered", extra={"fields": req.context.log | fields})


def write_error(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    """Write an error as JSON, all in the same form.

    :param error: the error.
    """
    resp.media = {"status": "error", "message": error.description or error.title}


def answer_unavailable(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    """Ask the sender to try again where the database cannot take a delivery; log what is wrong.

    :param error: the error, which the answer does not tell.
    :raises falcon.HTTPServiceUnavailable: always; KoboToolbox tries again after it (kobo-api.md §5.4).
    """
    kind = SchemaError if isinstance(error, SchemaError) else DatabaseError
    req.context.log |= {"error": str(error), "database_error": kind.__name__}
    raise falcon.HTTPServiceUnavailable(
        description="The database cannot take it now. Send it again later.", retry_after=RETRY_AFTER
    )


def answer_unexpected(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    """Log where a fault of ours is, but not its text, which may contain answers of a respondent.

    :param error: the fault.
    :raises falcon.HTTPInternalServerError: always.
    """
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    req.context.log |= {"error": type(error).__name__, "where": where}
    raise falcon.HTTPInternalServerError(description="A fault of the webhook. Its log has the request's id.")
