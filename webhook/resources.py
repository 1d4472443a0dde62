"""Take deliveries: one submission a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import falcon

from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.sync.receive import Accepted, Outcome, Receiver, Refusal, Refused
from kobo_mirror.sync.receive_by_path import PathReceivers
from webhook import SILENT_SECONDS
from webhook.admission import AdmissionLimit, Admitted
from webhook.metrics import Metrics

PATH = "/api/real-time-updates"
FORM_PATH = PATH + "/{form_key}"
MAX_BODY = 5 * 1024 * 1024
MAX_DISCARDED = 4 * MAX_BODY
OF_A_FORM = Admitted(64, 16 * MAX_BODY)
IN_ALL = Admitted(2 * OF_A_FORM.deliveries, OF_A_FORM.size + 4 * MAX_BODY)
"""What is left to others by a form whose tables are locked."""
_STATUS = {
    Refusal.NO_SUBMISSION: falcon.HTTP_400,
    Refusal.OTHER_FORM: falcon.HTTP_404,
    Refusal.UNKNOWN_FORM: falcon.HTTP_404,
    Refusal.LET_GO: falcon.HTTP_410,
}


class Intake(Protocol):
    """Takes the bodies that are posted to one path."""

    def receive(self, body: bytes) -> Outcome:
        """Write the submission that a body holds, as ``Receiver.receive`` does.

        :param body: as it was posted.
        :returns: what became of it.
        """

    def keep(self, body: bytes, refused: Refused, *, source: str) -> int:
        """Keep a refused body as a dead letter, as ``Receiver.keep`` does.

        :param body: as it was posted.
        :param refused: why ``receive`` has refused it.
        :param source: where it came from.
        :returns: the dead letter's id.
        """


class Taking:
    """Takes deliveries of all paths, within what a process and each form may have under way.

    :param metrics: counts what becomes of them.
    :param arrived: called with the form of each submission that changed the mirror; it must neither wait nor
        raise.
    """

    def __init__(self, metrics: Metrics, arrived: Callable[[Mirror], None]) -> None:
        self._metrics, self._arrived = metrics, arrived
        self._limit = AdmissionLimit(IN_ALL, OF_A_FORM)

    def take(self, req: falcon.Request, resp: falcon.Response, intake: Intake, form: str) -> None:
        """Commit the submission, or keep its body as a dead letter, before anything is answered.

        Of a form that was let go nothing is kept: KoboToolbox has the submission.

        :param intake: takes the body.
        :param form: what the delivery is counted for as long as it is under way.
        :raises DatabaseError, SchemaError: neither could be done.
        :raises falcon.HTTPError: the head of the request rules the body out, or the body does not come whole.
        """
        if refusal := _refusal(req):
            _discard(req)
            raise refusal
        with self._limit.admit(req.content_length or 0, form):
            body = _body(req)
            outcome = intake.receive(body)
            if isinstance(outcome, Accepted):
                self._answer_accepted(req, resp, outcome)
                return
            answer: dict[str, Any] = {"status": "error", "message": _message(outcome)}
            if outcome.why is not Refusal.LET_GO:
                letter = intake.keep(body, outcome, source="webhook")
                req.context.log["dead_letter"] = answer["dead_letter"] = letter
        resp.status, resp.media = _STATUS[outcome.why], answer

    def _answer_accepted(self, req: falcon.Request, resp: falcon.Response, accepted: Accepted) -> None:
        pushed = accepted.result
        req.context.log |= {
            "asset_uid": accepted.mirror.asset_uid,
            "kobo_id": pushed.kobo_id,
            "result": pushed.result,
        }
        resp.media = {"status": "success", "result": pushed.result, "reason": pushed.reason}
        if pushed.result == "inserted":
            self._metrics.committed(accepted.submission)
        if pushed.result in ("inserted", "updated"):
            self._arrived(accepted.mirror)


class Submissions:
    """``POST /api/real-time-updates``: one submission of the form of ``KOBO_ASSET_ID``, as JSON.

    docs/architecture.md, "The webhook".

    :param receiver: writes what is delivered.
    :param taking: bounds and answers.
    """

    def __init__(self, receiver: Receiver, taking: Taking) -> None:
        self._receiver, self._taking = receiver, taking

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Commit the submission, or keep its body as a dead letter, before anything is answered.

        :raises DatabaseError, SchemaError, falcon.HTTPError: as ``Taking.take``.
        """
        self._taking.take(req, resp, self._receiver, "")


class FormSubmissions:
    """``POST /api/real-time-updates/<form key>``: one submission of that form, as JSON.

    :param receivers: write what is delivered.
    :param taking: bounds and answers.
    """

    def __init__(self, receivers: PathReceivers, taking: Taking) -> None:
        self._receivers, self._taking = receivers, taking

    def on_post(self, req: falcon.Request, resp: falcon.Response, form_key: str) -> None:
        """Commit the submission, or keep its body as a dead letter, before anything is answered.

        :param form_key: by which the database has the form.
        :raises DatabaseError, SchemaError, falcon.HTTPError: as ``Taking.take``.
        """
        try:
            self._taking.take(req, resp, _OfForm(self._receivers, form_key), form_key)
        finally:
            if self._receivers.knows(form_key):
                req.context.log["asset_uid"] = form_key


class _OfForm:
    """Takes the bodies of one form."""

    def __init__(self, receivers: PathReceivers, form_key: str) -> None:
        self.receive = partial(receivers.receive, form_key)
        self.keep = partial(receivers.keep, form_key)


def _message(refused: Refused) -> str:
    """Return what a sender is told, with the paths that would take what it sent."""
    paths = " or ".join(f"{PATH}/{key}" for key in refused.form_keys)
    return (
        f"{refused.reason}: this form is taken at {paths}, with the secret of that path"
        if paths
        else refused.reason
    )


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
