"""What the webhook takes: submissions, one a request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import falcon
from sqlalchemy import Engine

from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.form import Mirror
from kobo_mirror.forms.rows import parsed_state
from kobo_mirror.forms.submission import form_of, parse
from kobo_mirror.store import dead_letters
from kobo_mirror.store.exchange import PushResult
from kobo_mirror.store.writer import Writer
from webhook import SILENT_SECONDS
from webhook.grouping import Committer, Room
from webhook.metrics import Metrics

PATH = "/api/real-time-updates"
MAX_BODY = 5 * 1024 * 1024
MAX_DISCARDED = 4 * MAX_BODY
ROOM_DELIVERIES, ROOM_BYTES = 64, 16 * MAX_BODY
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Submissions:
    """``POST /api/real-time-updates``: one submission as JSON (docs/architecture.md, "The webhook")."""

    def __init__(
        self,
        engine: Engine,
        mirrors: Sequence[Mirror],
        keep_payloads: str,
        metrics: Metrics,
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._mirrors = {mirror.asset_uid: mirror for mirror in mirrors}
        self._committers = {
            mirror.asset_uid: Committer(Writer(engine, mirror, keep_payloads).push_all) for mirror in mirrors
        }
        self._metrics = metrics
        self._arrived = arrived
        self._room = Room(ROOM_DELIVERIES, ROOM_BYTES)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Commit the submission, or keep its body as a dead letter, before anything is answered.

        :raises DatabaseError, SchemaError: neither could be done.
        """
        if refusal := _refusal(req):
            _discard(req)
            raise refusal
        with self._room.taken(req.content_length or 0):
            self._take(req, resp, _body(req))

    def _take(self, req: falcon.Request, resp: falcon.Response, body: bytes) -> None:
        try:
            submission = parse(body)
            asset = self._asset(submission)
            if asset not in self._committers:
                self._keep(req, resp, body, falcon.HTTP_404, f"unknown asset {_name(asset)}")
                return
            pushed = self._push(asset, submission, body)
        except SubmissionError as problem:
            self._keep(req, resp, body, falcon.HTTP_400, str(problem))
            return
        if pushed.result == "inserted":
            self._metrics.committed(submission)
        req.context.log |= {"asset_uid": asset, "kobo_id": pushed.kobo_id, "result": pushed.result}
        resp.media = {"status": "success", "result": pushed.result, "reason": pushed.reason}
        if pushed.result in ("inserted", "updated"):
            self._arrived()

    def _push(self, asset: str, submission: dict[str, Any], body: bytes) -> PushResult:
        """Write; each transaction makes sure that the form table mirrors this very form."""
        state = parsed_state(submission, body, self._mirrors[asset])
        _ = state.shaped  # here, so that a fault of the shaping is this delivery's own
        return self._committers[asset].push(state)

    def _asset(self, submission: Mapping[str, Any]) -> str:
        """The form a submission says it is of; one that does not say is of the only form there is."""
        named = form_of(submission)
        if named is None and len(self._committers) == 1:
            return next(iter(self._committers))
        return named or ""

    def _keep(
        self, req: falcon.Request, resp: falcon.Response, body: bytes, status: str, reason: str
    ) -> None:
        letter = dead_letters.keep(self._engine, body=body, source="webhook", reason=reason)
        req.context.log["dead_letter"] = letter
        resp.status = status
        resp.media = {"status": "error", "message": reason, "dead_letter": letter}


def _body(req: falcon.Request) -> bytes:
    """The whole body.

    :raises falcon.HTTPError: it does not come, or not whole.
    """
    started = time.monotonic()
    try:
        body = req.bounded_stream.read()
    except OSError:  # silent for too long, cut off, gone
        body = b""
    if len(body) == req.content_length:
        return body
    if time.monotonic() - started < SILENT_SECONDS:
        raise falcon.HTTPBadRequest(description="The body ended before its Content-Length.")
    raise falcon.HTTPError(falcon.HTTP_408, description="The body did not come in time.")


def _refusal(req: falcon.Request) -> falcon.HTTPError | None:
    """Why a body is not even read, judged by the head of its request."""
    if req.content_length is None:
        return falcon.HTTPLengthRequired(description="Send the body with a Content-Length, not in chunks.")
    if req.content_length > MAX_BODY:
        return falcon.HTTPContentTooLarge(description=f"A submission has at most {MAX_BODY} bytes.")
    kind = (req.content_type or "").partition(";")[0].strip().lower()
    if kind != "application/json" or req.get_header("Content-Encoding", default="identity") != "identity":
        return falcon.HTTPUnsupportedMediaType(description="Send the submission as plain application/json.")
    return None


def _discard(req: falcon.Request) -> None:
    """Let a sender that has our secret finish, within bounds: while it writes it may miss the answer."""
    with suppress(OSError):
        for _ in range(MAX_DISCARDED // 65536):
            if not req.bounded_stream.read(65536):
                break


def _name(asset: str) -> str:
    return asset if _UID.fullmatch(asset) else "(without a proper name)"
