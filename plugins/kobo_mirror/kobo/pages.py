"""Cuts a page of submissions into rows without decoding them: an odd answer spoils only its own row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec

from kobo_mirror import tolerant_json
from kobo_mirror.errors import ServerError


@dataclass(frozen=True, repr=False)
class Page:
    """Submissions as the server sent them.

    :param rows: the JSON of each.
    :param ids: the ``_id`` of each, in the same order.
    :param count: how many submissions match the query, those after this page included.
    :param size: bytes of JSON.
    :param wire: bytes received for it, which may be compressed.
    :param swept: the rows of a sweep's page, in place of ``rows`` unless one of them is odd.
    :param unsent: the ``_id`` of each submission that the server shows and cannot send (kobo-api.md §1.5),
        ascending.
    """

    rows: list[msgspec.Raw]
    ids: list[int]
    count: int
    size: int
    wire: int
    swept: Sequence[Swept] = ()
    unsent: Sequence[int] = ()

    @property
    def shown(self) -> list[int]:
        """The ``_id`` of each submission that the server shows, sent or not, ascending."""
        return sorted((*self.ids, *self.unsent)) if self.unsent else self.ids


class SweptStatus(msgspec.Struct):
    """The validation of a submission as a sweep asks for it (kobo-api.md §2); each field may be absent."""

    uid: str | None = None
    timestamp: int | float | None = None


class Swept(msgspec.Struct):
    """A row of a sweep's page, in its usual shape."""

    id: int = msgspec.field(name="_id")
    uuid: str = msgspec.field(name="_uuid")
    status: SweptStatus | None = msgspec.field(name="_validation_status", default=None)


class _SweptEnvelope(msgspec.Struct):
    count: int
    results: list[Swept]


class _Envelope(msgspec.Struct):
    count: int
    results: list[msgspec.Raw]


class _Key(msgspec.Struct):
    id: int = msgspec.field(name="_id")


class _Skeleton(msgspec.Struct):
    """A page whose rows have been cut out, a number in place of each."""

    count: int
    results: list[tuple[int]]


_PROJECTED = {"_id", "_uuid", "meta/rootUuid", "_validation_status", "_attachments"}
_SLIM = 512  # bytes; the system keys of a whole submission alone take more (kobo-api.md §2)
_IN_WHOLE, _IN_FILES = b'"_submission_time"', b'"_attachments"'
_ANOTHER_QUESTION = "The server answered another question"
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_envelope = msgspec.json.Decoder(_Envelope)
_swept_envelope = msgspec.json.Decoder(_SweptEnvelope)
_skeleton = msgspec.json.Decoder(_Skeleton)
_key = msgspec.json.Decoder(_Key)


def cut_page(body: bytes, *, wire: int = 0) -> Page:
    """Return the page in a response's body (kobo-api.md §1.2).

    :param body: JSON.
    :param wire: bytes received for it.
    :raises ValueError: the body is no page of submissions.
    """
    try:
        envelope = _envelope.decode(body)
        ids = [_key.decode(row).id for row in envelope.results]
    except _UNREADABLE:
        return _cut_odd_page(body, wire)
    return Page(envelope.results, ids, envelope.count, len(body), wire)


def cut_swept_page(body: bytes, *, wire: int = 0) -> Page:
    """Return the page of a sweep, decoded in one step where each row has its usual shape.

    :param body: JSON.
    :param wire: bytes received for it.
    :raises ValueError: the body is no page of submissions.
    """
    try:
        envelope = _swept_envelope.decode(body)
    except _UNREADABLE:
        return cut_page(body, wire=wire)
    ids = [row.id for row in envelope.results]
    return Page([], ids, envelope.count, len(body), wire, envelope.results)


def cut_files_page(body: bytes, *, wire: int = 0) -> Page:
    """Return the page of a sweep of files: its rows hold ``_attachments``.

    :param body: JSON.
    :param wire: bytes received for it.
    :raises ValueError: the body is no page of submissions.
    :raises ServerError: no row tells its files: a cache in between may have sent the response to another
        request, and a file that is new would not be seen.
    """
    page = cut_page(body, wire=wire)
    if page.rows and not any(_IN_FILES in bytes(row) for row in page.rows):
        raise ServerError(f"{_ANOTHER_QUESTION}: it sent no files of submissions.")
    return page


def _cut_odd_page(body: bytes, wire: int) -> Page:
    """Return the page where a row holds what msgspec refuses: NaN, half a character, endless nesting.

    Rows are cut out byte for byte; each is judged by itself when it is shaped.
    """
    skeleton, pieces = tolerant_json.cut(body, 2)
    envelope = _skeleton.decode(skeleton)
    rows = [pieces[number] for (number,) in envelope.results]
    ids = [_id_of(row) for row in rows]
    return Page([msgspec.Raw(row) for row in rows], ids, envelope.count, len(body), wire)


def _id_of(row: bytes) -> int:
    try:
        return _key.decode(row).id
    except _UNREADABLE:
        pass
    data = _first_level(row)
    kobo_id = data.get("_id") if isinstance(data, dict) else None
    if type(kobo_id) is not int:
        raise ValueError("no page of submissions")
    return kobo_id


def check_order(page: Page, *, above: int = -1, upto: int | None = None) -> None:
    """Require that ids ascend strictly, within bounds.

    :param page: the page to check.
    :param above: a number below all of its ids.
    :param upto: the highest id that it may have; None for no end.
    :raises ServerError: they do not, so the server ignored the query or its order (kobo-api.md §1.4).
    """
    ascending = all(one < next_one for one, next_one in pairwise((above, *page.ids)))
    if not ascending or (upto is not None and page.ids and page.ids[-1] > upto):
        raise ServerError("The server ignored the query or its order: it sent submissions not asked for.")


def check_whole(page: Page) -> None:
    """Require that each row is a whole submission, not the few keys that a sweep or a search for ids brings.

    :param page: the page to check.
    :raises ServerError: a row is not: a cache in between may have sent the response to another request.
    """
    for row in map(bytes, page.rows):
        if (len(row) < _SLIM or _IN_WHOLE not in row) and _keys_of(row) <= _PROJECTED:
            raise ServerError(f"{_ANOTHER_QUESTION}: it sent parts of submissions.")


def _keys_of(row: bytes) -> set[str]:
    try:
        return set(_object.decode(row))
    except _UNREADABLE:
        return set(_first_level(row))


def _first_level(row: bytes) -> Any:
    """Return what a row says; where it is nested without end, its first level is right."""
    try:
        return tolerant_json.loads(row)
    except RecursionError:
        return tolerant_json.loads(tolerant_json.cut(row, 1)[0])


def check_total(page: Page, *, least: int) -> None:
    """Require that a page has rows, where the server itself counts some.

    :param page: the page to check.
    :param least: rows that it must have.
    :raises ServerError: it has fewer, so that a submission's absence from it says nothing.
    """
    if len(page.ids) < least:
        raise ServerError(f"The server counts {page.count} matching submissions but sent {len(page.ids)}.")
