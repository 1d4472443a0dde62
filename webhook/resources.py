"""Take deliveries: one submission a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import falcon

from kobo_mirror.sync.receive import Accepted, Receiver, Refusal, Refused
from webhook import SILENT_SECONDS
from webhook.grouping import AdmissionLimit
from webhook.metrics import Metrics

PATH = "/api/real-time-updates"
MAX_BODY = 5 * 1024 * 1024
MAX_DISCARDED = 4 * MAX_BODY
MOST_DELIVERIES, MOST_BYTES = 64, 16 * MAX_BODY
_STATUS = {Refusal.NO_SUBMISSION: falcon.HTTP_400, Refusal.OTHER_FORM: falcon.HTTP_404}


class Submissions:
    """``POST /api/real-time-updates``: one submission as JSON (docs/architecture.md, "The webhook").

    :param receiver: writes what is delivered.
    :param metrics: counts what becomes of it.
    :param arrived: called after each submission that changed the mirror; it must neither wait nor raise.
    """

    def __init__(
        self, receiver: Receiver, metrics: Metrics, arrived: Callable[[], None] = lambda: None
    ) -> None:
        self._receiver, self._metrics, self._arrived = receiver, metrics, arrived
        self._limit = AdmissionLimit(MOST_DELIVERIES, MOST_BYTES)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Commit the submission, or keep its body as a dead letter, before anything is answered.

        :raises DatabaseError, SchemaError: neither could be done.
        :raises falcon.HTTPError: the head of the request rules the body out, or the body does not come whole.
        """
        if refusal := _refusal(req):
            _discard(req)
            raise refusal
        with self._limit.admit(req.content_length or 0):
            body = _body(req)
            outcome = self._receiver.receive(body)
            if isinstance(outcome, Accepted):
                self._answer_accepted(req, resp, outcome)
            else:
                self._answer_refused(req, resp, outcome, body)

    def _answer_accepted(self, req: falcon.Request, resp: falcon.Response, accepted: Accepted) -> None:
        pushed = accepted.result
        req.context.log |= {
            "asset_uid": accepted.asset_uid,
            "kobo_id": pushed.kobo_id,
            "result": pushed.result,
        }
        resp.media = {"status": "success", "result": pushed.result, "reason": pushed.reason}
        if pushed.result == "inserted":
            self._metrics.committed(accepted.submission)
        if pushed.result in ("inserted", "updated"):
            self._arrived()

    def _answer_refused(
        self, req: falcon.Request, resp: falcon.Response, refused: Refused, body: bytes
    ) -> None:
        letter = self._receiver.keep(body, refused, source="webhook")
        req.context.log["dead_letter"] = letter
        resp.status = _STATUS[refused.why]
        resp.media = {"status": "error", "message": refused.reason, "dead_letter": letter}


def _body(req: falcon.Request) -> bytes:
    """Return the whole body.

    :raises falcon.HTTPError: it does not come in time, or not whole.
    """
    started = time.monotonic()
    try:
        body = req.bounded_stream.read()
    except OSError:  # silent for too long, or cut off
        body = b""
    if len(body) == req.content_length:
        return body
    if time.monotonic() - started < SILENT_SECONDS:
        raise falcon.HTTPBadRequest(description="The body ended before its Content-Length.")
    raise falcon.HTTPError(falcon.HTTP_408, description="The body did not come in time.")


def _refusal(req: falcon.Request) -> falcon.HTTPError | None:
    """Return why a body is not even read, judged by the head of its request; None to read it."""
    if req.content_length is None:
        return falcon.HTTPLengthRequired(description="Send the body with a Content-Length, not in chunks.")
    if req.content_length > MAX_BODY:
        return falcon.HTTPContentTooLarge(description=f"A submission has at most {MAX_BODY} bytes.")
    kind = (req.content_type or "").partition(";")[0].strip().lower()
    if kind != "application/json" or req.get_header("Content-Encoding", default="identity") != "identity":
        return falcon.HTTPUnsupportedMediaType(description="Send the submission as plain application/json.")
    return None


def _discard(req: falcon.Request) -> None:
    """Discard up to ``MAX_DISCARDED`` bytes of a body: while it writes, a sender may miss the answer."""
    with suppress(OSError):
        for _ in range(MAX_DISCARDED // 65536):
            if not req.bounded_stream.read(65536):
                break
