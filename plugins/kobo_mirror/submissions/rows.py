"""Submission → State: what decides about it, and its rows, which are made when first asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.submissions.document import (
    GarbledSubmission,
    are_texts_storable,
    digest,
    first_levels,
    form_of,
    parse,
    text_of,
    token,
)
from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.submissions.shaped import (
    Shaped,
    bare_row_set,
    digest_of_rows,
    shape_document,
    shape_unreadable,
)
from kobo_mirror.submissions.values import Misfit

_IN_WHOLE_DELIVERIES = ("_uuid", "_submission_time", "meta/instanceID")


class State:
    """What a submission looked like at one moment, ready for the writer.

    What decides about it is read at once, the rest when it is first asked for: of an unchanged submission
    nothing more is needed.

    :param kobo_id: its ``_id``.
    :param payload: its JSON as it came, with bytes that are no UTF-8 escaped.
    :param digest: 16 bytes, see ``document.digest``.
    :param shape: makes the rest; called once at most.
    :param uuid: its edit token.
    :param previous_uuid: the edit token before the last edit.
    :param partial: True for a delivery that cannot be relied on: it lacks what nearly every submission has,
        or has bytes that are no UTF-8. What was pulled is whole, whatever it lacks.
    :param id_string: the name of the form that it says it is of.
    """

    __slots__ = (
        "_shape", "_shaped", "digest", "id_string", "kobo_id", "partial", "payload", "previous_uuid", "uuid",
    )  # fmt: skip

    def __init__(
        self,
        kobo_id: int,
        payload: bytes,
        digest: bytes,
        shape: Callable[[], Shaped],
        *,
        uuid: str | None = None,
        previous_uuid: str | None = None,
        partial: bool = False,
        id_string: str | None = None,
    ) -> None:
        self.kobo_id, self.payload, self.digest = kobo_id, payload, digest
        self.uuid, self.previous_uuid, self.partial = uuid, previous_uuid, partial
        self.id_string = id_string
        self._shape = shape
        self._shaped: Shaped | None = None

    @property
    def shaped(self) -> Shaped:
        """Its row of the form table, or why there is none, and the ledger's further columns."""
        if self._shaped is None:
            self._shaped = self._shape()
            del self._shape  # and with it the answers as they were parsed
        return self._shaped

    def shape_now(self) -> Self:
        """Make ``shaped`` while the processor's cache has the answers.

        :returns: this state.
        """
        self._shaped = self.shaped
        return self

    def reject(self, reason: str, mirror: Mirror) -> None:
        """Make it a rejection, for a reason that shaping could not know.

        :param reason: a sentence for a person, without an answer in it.
        :param mirror: the form that it is of.
        """
        bare = bare_row_set(mirror, self.kobo_id)
        self._shaped = self.shaped._replace(
            row=None, row_digest=digest_of_rows(None, bare), misfit=Misfit(reason), row_set=bare
        )

    @property
    def row(self) -> tuple[Any, ...] | None:
        """``(id, kobo_id, *columns of the Form)``, or None for a rejection."""
        return self.shaped.row

    @property
    def row_set(self) -> RowSet | None:
        """Its rows of the derived tables; None without any."""
        return self.shaped.row_set

    @property
    def row_digest(self) -> bytes | None:
        """See :func:`digest_of_rows`; None without any row."""
        return self.shaped.row_digest

    @property
    def form_version(self) -> str | None:
        """The version of the form that it names; None as long as ``shaped`` was not needed."""
        return self._shaped.form_version if self._shaped else None

    @property
    def is_rejected(self) -> bool:
        """True if it does not fit: its payload is kept, and it has no row of the form table."""
        return self.shaped.misfit is not None

    @property
    def reason(self) -> str | None:
        """Why it is rejected, None if it is not."""
        misfit = self.shaped.misfit
        return misfit.reason if misfit else None

    @property
    def rejected_columns(self) -> tuple[str, ...]:
        """The columns that its answers do not fit."""
        misfit = self.shaped.misfit
        return misfit.columns if misfit else ()


def read_state(raw: bytes | memoryview, mirror: Mirror) -> State:
    """Return the state that a submission's JSON describes.

    :param raw: JSON in UTF-8.
    :param mirror: the form that it is to be of.
    :raises SubmissionError: it is no submission.
    """
    payload = bytes(raw)
    return parsed_state(parse(payload), payload, mirror)


def parsed_state(data: dict[str, Any], payload: bytes, mirror: Mirror) -> State:
    """Return the state of a submission that has been parsed.

    :param data: what ``document.parse`` returned.
    :param payload: the JSON that it was parsed from.
    :param mirror: the form that it is to be of.
    """
    cut_down = not all(text_of(data, key) for key in _IN_WHOLE_DELIVERIES)
    is_garbled = isinstance(data, GarbledSubmission)
    return State(
        data["_id"],
        _in_utf8(payload) if is_garbled else payload,
        digest(data, mirror.document_key, as_version_0_1=mirror.schema is None),
        partial(shape_document, data, mirror, texts_are_storable=are_texts_storable(payload)),
        uuid=token(text_of(data, "_uuid")),
        previous_uuid=token(text_of(data, "meta/deprecatedID")),
        partial=cut_down or is_garbled,
        id_string=form_of(data),
    )


def unreadable_state(raw: bytes | memoryview, kobo_id: int, reason: str, mirror: Mirror) -> State:
    """Return a rejection for a submission that is nested too deeply, with what its first levels say.

    :param raw: JSON in UTF-8.
    :param kobo_id: its ``_id``, as its page says.
    :param reason: a sentence for a person.
    :param mirror: the form that it is of.
    """
    payload, data = bytes(raw), first_levels(raw)
    return State(
        kobo_id,
        _in_utf8(payload),
        hashlib.blake2b(payload, digest_size=16).digest(),
        partial(shape_unreadable, data, kobo_id, reason, mirror),
        uuid=token(text_of(data, "_uuid")),
        previous_uuid=token(text_of(data, "meta/deprecatedID")),
    )


def _in_utf8(payload: bytes) -> bytes:
    """Return JSON with its bytes that are no UTF-8 escaped."""
    return payload.decode("utf-8", "backslashreplace").encode()
