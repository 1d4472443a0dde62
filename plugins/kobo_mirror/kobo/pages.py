"""Cuts a page of submissions into its rows without decoding them: one odd answer must not spoil the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from kobo_mirror import tolerant_json
from kobo_mirror.errors import ServerError


@dataclass(frozen=True, repr=False)
class Page:
    """Submissions as the server sent them.

    ``rows`` and ``ids`` run side by side; ``count`` is how many submissions match the query, those after this
    page included; ``size`` is bytes of JSON, ``wire`` the bytes received for them. A page of a sweep has
    ``swept`` in place of ``rows``, unless one of them is odd.
    """

    rows: list[msgspec.Raw]
    ids: list[int]
    count: int
    size: int
    wire: int
    swept: Sequence[Swept] = ()


class SweptStatus(msgspec.Struct):
    """The validation of a submission as a sweep asks for it (kobo-api.md §2); nothing of it need be there."""

    uid: str | None = None
    timestamp: int | float | None = None


class Swept(msgspec.Struct):
    """A row of a sweep as it nearly always is."""

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
    """A page whose rows have been cut out: a number in place of each."""

    count: int
    results: list[tuple[int]]


_PROJECTED = {"_id", "_uuid", "meta/rootUuid", "_validation_status"}
_SLIM = 512  # bytes; a whole submission is longer by its system fields alone
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_envelope = msgspec.json.Decoder(_Envelope)
_swept_envelope = msgspec.json.Decoder(_SweptEnvelope)
_skeleton = msgspec.json.Decoder(_Skeleton)
_key = msgspec.json.Decoder(_Key)


def cut_page(body: bytes, *, wire: int = 0) -> Page:
    """The page in a JSON answer (kobo-api.md §1.2).

    :raises ValueError: the body is no page of submissions.
    """
    try:
        envelope = _envelope.decode(body)
        ids = [_key.decode(row).id for row in envelope.results]
    except _UNREADABLE:
        return _cut_odd_page(body, wire)
    return Page(envelope.results, ids, envelope.count, len(body), wire)


def cut_swept_page(body: bytes, *, wire: int = 0) -> Page:
    """The same of a sweep, read at once where each row is as usual.

    :raises ValueError: the body is no page of submissions.
    """
    try:
        envelope = _swept_envelope.decode(body)
    except _UNREADABLE:
        return cut_page(body, wire=wire)
    ids = [row.id for row in envelope.results]
    return Page([], ids, envelope.count, len(body), wire, envelope.results)


def _cut_odd_page(body: bytes, wire: int) -> Page:
    """The same, slowly, where a row holds what msgspec refuses: NaN, half a character, endless nesting.

    Rows come out byte for byte, for the shaping to judge each by itself.
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
    try:
        data = tolerant_json.loads(row)
    except RecursionError:
        data = tolerant_json.loads(tolerant_json.cut(row, 1)[0])
    kobo_id = data.get("_id") if isinstance(data, dict) else None
    if type(kobo_id) is not int:
        raise ValueError("no page of submissions")
    return kobo_id


def check_order(page: Page, *, above: int = -1, upto: int | None = None) -> None:
    """Ids ascend strictly, each above ``above`` and none above ``upto``.

    :raises ServerError: they do not, so the server ignored the query (kobo-api.md §1.4) and no cursor moves.
    """
    ascending = all(one < next_one for one, next_one in pairwise((above, *page.ids)))
    if not ascending or (upto is not None and page.ids and page.ids[-1] > upto):
        raise ServerError("The server ignored the query or its order: it sent submissions not asked for.")


def check_whole(page: Page) -> None:
    """Each row is a whole submission: none has only what a sweep or a search for ids asks for.

    :raises ServerError: it is the answer to another question, which a cache in between may give.
    """
    for row in page.rows:
        if len(bytes(row)) < _SLIM and _keys_of(bytes(row)) <= _PROJECTED:
            raise ServerError("The server answered another question: it sent parts of submissions.")


def _keys_of(row: bytes) -> set[str]:
    try:
        return set(_object.decode(row))
    except _UNREADABLE:
        return set(tolerant_json.loads(row))


def check_total(page: Page, *, least: int) -> None:
    """The page holds at least that many rows of those which the server itself counts.

    :raises ServerError: it holds fewer, so an absence on it says nothing.
    """
    if len(page.ids) < least:
        raise ServerError(f"The server counts {page.count} matching submissions but sent {len(page.ids)}.")
