"""Document → Shaped: the rows that a submission becomes by its form's tables, or why it is rejected."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from struct import Struct
from typing import Any, NamedTuple

import msgspec

from kobo_mirror.forms.declared_form import TEXT_LENGTH
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.submissions.document import text_of, token, validation
from kobo_mirror.submissions.row_set import Row, RowSet
from kobo_mirror.submissions.shaper import Shaper
from kobo_mirror.submissions.values import Misfit, is_unicode, moment_of_text, shape

_EPOCH, _SECOND = datetime(1970, 1, 1), timedelta(seconds=1)  # noqa: DTZ001  # UTC, as DATETIME
_UUID, _LOW_BITS = Struct(">QQ"), 2**62 - 1
_SCHEMAS_IN_USE = 8
_shapers: dict[bytes, Shaper] = {}


class Shaped(NamedTuple):
    """What of a submission is stored beside the keys that decide about it.

    :param root_uuid: as ``token`` writes it.
    :param form_version: the version of the form that it names.
    :param submission_time: UTC, without a time zone; None if there is no usable one.
    :param submitted_by: an account's name, cut to the column's length.
    :param validation_status: the uid of its validation.
    :param validation_timestamp: epoch seconds of its validation.
    :param row: ``(id, kobo_id, *columns of the Form)``, or None for a rejection.
    :param row_digest: of all rows that it becomes, see :func:`digest_of_rows`; None without any.
    :param misfit: why it is a rejection.
    :param row_set: its rows of the derived tables; None without any.
    """

    root_uuid: str | None = None
    form_version: str | None = None
    submission_time: datetime | None = None
    submitted_by: str | None = None
    validation_status: str | None = None
    validation_timestamp: int | None = None
    row: tuple[Any, ...] | None = None
    row_digest: bytes | None = None
    misfit: Misfit | None = None
    row_set: RowSet | None = None


def shape_document(data: dict[str, Any], mirror: Mirror, *, texts_are_storable: bool = False) -> Shaped:
    """Return what a submission becomes by the tables of its form.

    :param data: what ``document.parse`` returned.
    :param mirror: the form and its tables.
    :param texts_are_storable: it is known that none of its texts has a half character or a NUL.
    """
    time, row_set = _submission_time(data), None
    if mirror.schema:
        row_set = _shaper(mirror.schema).shape(data, texts_are_storable=texts_are_storable)
    if mirror.form is None:
        return _with_ledger_columns(data, time, None, row_set)
    cells = shape(data, mirror.form)
    if isinstance(cells, Misfit):
        return _with_ledger_columns(data, time, cells, row_set)
    if isinstance(time, Misfit):
        return _with_ledger_columns(data, time, time, row_set)
    row = (record_id(mirror, data["_id"], time), data["_id"], *cells)
    return _with_ledger_columns(data, time, row, row_set)


def shape_unreadable(data: dict[str, Any], kobo_id: int, reason: str, mirror: Mirror) -> Shaped:
    """Return what is kept of a submission that nothing can be shaped of.

    :param data: what its first levels say.
    :param kobo_id: its ``_id``.
    :param reason: a sentence for a person.
    :param mirror: the form and its tables.
    """
    return _with_ledger_columns(data, _submission_time(data), Misfit(reason), bare_row_set(mirror, kobo_id))


def _shaper(schema: FormSchema) -> Shaper:
    """Return what shapes documents by a schema; compiled once, since that takes milliseconds.

    It is found by the fingerprint: a process reads the same schema again and again, and comparing two equal
    ones of 800 questions takes a millisecond, which every submission would pay.
    """
    found = _shapers.get(schema.fingerprint)
    if found is None:
        if len(_shapers) >= _SCHEMAS_IN_USE:
            _shapers.clear()
        found = _shapers[schema.fingerprint] = Shaper(schema)
    return found


def bare_row_set(mirror: Mirror, kobo_id: int) -> RowSet | None:
    """Return the rows of a submission of which nothing can be written.

    Beside a declared table each submission that exists has a row in the root; elsewhere it has none.

    :param mirror: the form and its tables.
    :param kobo_id: the submission's ``_id``.
    """
    schema = mirror.schema
    if schema is None or schema.root.kind is not TableKind.REST:
        return None
    return RowSet(kobo_id, (Row.empty(schema.root),))


def _with_ledger_columns(
    data: dict[str, Any],
    time: datetime | Misfit,
    row: tuple[Any, ...] | Misfit | None,
    row_set: RowSet | None,
) -> Shaped:
    status, stamp = validation(data)
    misfit = row if isinstance(row, Misfit) else None
    cells = None if isinstance(row, Misfit) else row
    return Shaped(
        token(text_of(data, "meta/rootUuid")),
        token(text_of(data, "__version__")),
        None if isinstance(time, Misfit) else time,
        _fitting(text_of(data, "_submitted_by")),
        status,
        stamp,
        cells,
        digest_of_rows(row_digest(cells) if cells else None, row_set),
        misfit,
        row_set,
    )


def record_id(mirror: Mirror, kobo_id: int, submission_time: datetime) -> bytes:
    """Return the UUIDv8 of a form row: 48 bits of time in ms, then the SHA-256 of (server, asset, ``_id``).

    The same submission always has the same id, and ids ascend with time (from 1970 on).

    :param mirror: names server and asset.
    :param kobo_id: the submission's ``_id``.
    :param submission_time: UTC, without a time zone.
    :returns: 16 bytes.
    """
    milliseconds = max(0, (submission_time - _EPOCH) // _SECOND * 1000)
    seed = hashlib.sha256(f"{mirror.server}\n{mirror.asset_uid}\n{kobo_id}".encode())
    rest = int.from_bytes(seed.digest()[:10])
    return _UUID.pack(milliseconds << 16 | 8 << 12 | rest >> 62 & 0xFFF, 2 << 62 | rest & _LOW_BITS)


def digest_of_rows(of_row: bytes | None, row_set: RowSet | None) -> bytes | None:
    """Return 16 bytes that differ if any row of a submission does.

    :param of_row: the digest of its row of the declared table; None without one.
    :param row_set: its rows of the derived tables; None without any.
    :returns: None if it has neither.
    """
    return joined_digest(of_row, row_set.digest() if row_set else None)


def joined_digest(of_row: bytes | None, of_row_set: bytes | None) -> bytes | None:
    """Return what :func:`digest_of_rows` does, from the digests of both.

    :param of_row: of its row of the declared table.
    :param of_row_set: of its rows of the derived tables.
    """
    if of_row is None or of_row_set is None:
        return of_row or of_row_set
    return hashlib.blake2b(of_row + of_row_set, digest_size=16).digest()


def row_digest(row: tuple[Any, ...]) -> bytes:
    """Return 16 bytes that differ if the row does.

    :param row: ``(id, kobo_id, *columns)`` as SQL holds it, without the clocks.
    """
    return hashlib.blake2b(msgspec.json.encode((row[0].hex(), *row[1:])), digest_size=16).digest()


def _submission_time(data: dict[str, Any]) -> datetime | Misfit:
    """Return when it was submitted, or why that cannot be told."""
    text = text_of(data, "_submission_time")
    if text is None:
        return Misfit("_submission_time is missing")
    try:
        return moment_of_text(text)
    except ValueError as problem:
        return Misfit(f"_submission_time {problem}")


def _fitting(text: str | None) -> str | None:
    return text[:TEXT_LENGTH] if text and is_unicode(text) else None
