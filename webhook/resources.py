"""What the webhook takes: submissions, one a request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import falcon
from sqlalchemy import Engine

from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.schema import Mirror
from kobo_mirror.store import dead_letters
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.form_names import Belongs, FormNames
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.document import form_of, parse
from kobo_mirror.submissions.rows import parsed_state
from webhook import SILENT_SECONDS
from webhook.grouping import AdmissionLimit, GroupCommitter
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
        self._forms = [_Taken(engine, mirror, keep_payloads) for mirror in mirrors]
        self._metrics = metrics
        self._arrived = arrived
        self._room = AdmissionLimit(ROOM_DELIVERIES, ROOM_BYTES)

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
            named = form_of(submission)
            if (found := self._form(named)) is None:
                self._keep(req, resp, body, falcon.HTTP_404, f"unknown asset {_name(named)}")
                return
            form, belongs = found
            if belongs is Belongs.UNKNOWN:
                pushed = form.writer.defer(submission["_id"])
            else:
                pushed = form.take(submission, body)
        except SubmissionError as problem:
            self._keep(req, resp, body, falcon.HTTP_400, str(problem))
            return
        if pushed.result == "inserted":
            self._metrics.committed(submission)
        asset = form.mirror.asset_uid
        req.context.log |= {"asset_uid": asset, "kobo_id": pushed.kobo_id, "result": pushed.result}
        resp.media = {"status": "success", "result": pushed.result, "reason": pushed.reason}
        if pushed.result in ("inserted", "updated"):
            self._arrived()

    def _form(self, named: str | None) -> tuple[_Taken, Belongs] | None:
        """The form that takes a body; where there is only one, a name may be its own and not learnt yet."""
        if named is None:
            return (self._forms[0], Belongs.HERE) if len(self._forms) == 1 else None
        judged = [(form, form.belongs(named)) for form in self._forms]
        wanted = (Belongs.HERE, Belongs.UNKNOWN) if len(judged) == 1 else (Belongs.HERE,)
        return next((pair for pair in judged if pair[1] in wanted), None)

    def _keep(
        self, req: falcon.Request, resp: falcon.Response, body: bytes, status: str, reason: str
    ) -> None:
        asset = self._forms[0].mirror.asset_uid if len(self._forms) == 1 else None
        letter = dead_letters.keep(self._engine, body=body, source="webhook", reason=reason, asset_uid=asset)
        req.context.log["dead_letter"] = letter
        resp.status = status
        resp.media = {"status": "error", "message": reason, "dead_letter": letter}


class _Taken:
    """A form whose submissions are taken."""

    def __init__(self, engine: Engine, mirror: Mirror, keep_payloads: str) -> None:
        self.mirror = mirror
        self.writer = Writer(engine, mirror, keep_payloads)
        self.belongs = FormNames(engine, mirror).belongs
        self._push = GroupCommitter(self.writer.push_all).push

    def take(self, submission: dict[str, Any], body: bytes) -> PushResult:
        """Write; each transaction makes sure that the form table mirrors this very form."""
        state = parsed_state(submission, body, self.mirror)
        _ = state.shaped  # here, so that a fault of the shaping is this delivery's own
        return self._push(state)


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


def _name(asset: str | None) -> str:
    return asset if asset and _UID.fullmatch(asset) else "(without a proper name)"
