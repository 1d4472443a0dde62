"""What the webhook answers to: submissions, and the questions of a supervisor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import falcon
from sqlalchemy import Engine

from kobo_mirror.errors import SchemaError, SubmissionError
from kobo_mirror.forms.form import Mirror
from kobo_mirror.forms.submission import parse
from kobo_mirror.store import dead_letters
from kobo_mirror.store.schema import at_head, bind, bound_to
from kobo_mirror.store.writer import PushResult, Writer

MAX_BODY = 5 * 1024 * 1024
MAX_DISCARDED = 4 * MAX_BODY
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Submissions:
    """``POST /api/real-time-updates``: one submission as JSON (docs/architecture.md, "The webhook")."""

    def __init__(self, engine: Engine, mirrors: Sequence[Mirror], keep_payloads: str) -> None:
        self._engine = engine
        self._mirrors = {mirror.asset_uid: mirror for mirror in mirrors}
        self._writers = {mirror.asset_uid: Writer(engine, mirror, keep_payloads) for mirror in mirrors}
        self._bound: set[str] = set()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Commit the submission, or keep its body as a dead letter, before anything is answered.

        :raises DatabaseError, SchemaError: neither could be done.
        """
        body = _body(req)
        try:
            submission = parse(body)
            asset = self._asset(submission)
            if asset not in self._writers:
                self._keep(req, resp, body, falcon.HTTP_404, f"unknown asset {_name(asset)}")
                return
            pushed = self._push(asset, body)
        except SubmissionError as problem:
            self._keep(req, resp, body, falcon.HTTP_400, str(problem))
            return
        req.context.log |= {"asset_uid": asset, "kobo_id": pushed.kobo_id, "result": pushed.result}
        resp.media = {"status": "success", "result": pushed.result, "reason": pushed.reason}

    def _push(self, asset: str, body: bytes) -> PushResult:
        """Write, once it is certain that the form table mirrors this very form."""
        if asset not in self._bound:
            bind(self._engine, self._mirrors[asset])
            self._bound.add(asset)
        return self._writers[asset].push(body)

    def _asset(self, submission: Mapping[str, Any]) -> str:
        """The form a submission says it is of; one that does not say is of the only form there is."""
        named = submission.get("_xform_id_string")
        if named is None and len(self._writers) == 1:
            return next(iter(self._writers))
        return named if isinstance(named, str) else ""

    def _keep(
        self, req: falcon.Request, resp: falcon.Response, body: bytes, status: str, reason: str
    ) -> None:
        letter = dead_letters.keep(self._engine, body=body, source="webhook", reason=reason)
        req.context.log["dead_letter"] = letter
        resp.status = status
        resp.media = {"status": "error", "message": reason, "dead_letter": letter}


class Live:
    """``GET /health/live``: this process answers."""

    public = True

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Say so."""
        resp.media = {"status": "success"}


class Ready:
    """``GET /health/ready``: a submission that came now could be committed."""

    public = True

    def __init__(self, probe: Engine, mirrors: Sequence[Mirror]) -> None:
        self._probe = probe
        self._mirrors = mirrors

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Ask the database, over a new connection, for its schema and for the forms that it mirrors.

        :raises DatabaseError, SchemaError: it does not answer, or is not ours to write to.
        """
        self._probe.dispose()
        for mirror in self._mirrors:
            if not at_head(self._probe, mirror.form):
                raise SchemaError("The database's schema is old: run `python -m kobo_mirror migrate`.")
            if bound_to(self._probe, mirror.form) not in (None, (mirror.server, mirror.asset_uid)):
                raise SchemaError(
                    f"The table {mirror.form.table} mirrors another form than {mirror.asset_uid}."
                )
        resp.media = {"status": "success"}


def _body(req: falcon.Request) -> bytes:
    """The whole body; it is never more than ``MAX_BODY`` bytes.

    :raises falcon.HTTPError: its length is unknown or too large, it is not JSON, or it does not come whole.
    """
    try:
        if refusal := _refusal(req):
            _discard(req)
            raise refusal
        body = req.bounded_stream.read()
    except TimeoutError:
        raise falcon.HTTPError(falcon.HTTP_408, description="The body did not come in time.") from None
    if len(body) != req.content_length:
        raise falcon.HTTPBadRequest(description="The body ended before its Content-Length.")
    return body


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
    for _ in range(MAX_DISCARDED // 65536):
        if not req.bounded_stream.read(65536):
            break


def _name(asset: str) -> str:
    return asset if _UID.fullmatch(asset) else "(without a proper name)"
