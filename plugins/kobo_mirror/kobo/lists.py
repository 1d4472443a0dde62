"""Lists that the API gives page by page: forms, REST Services, their logs, the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from kobo_mirror.kobo.session import Session
from kobo_mirror.kobo.transport import Answer

Item = dict[str, Any]


class Service(msgspec.Struct):
    """The least of a REST Service."""

    uid: str


class Delivery(msgspec.Struct):
    """The least of a delivery's log."""

    submission_id: int
    date_modified: datetime


class Action(msgspec.Struct):
    """The least of an entry of the history."""

    action: str
    date_created: datetime


class _Listing(msgspec.Struct):
    count: int
    results: list[Item]


def listed(
    session: Session, path: str, params: Mapping[str, str], least: type[msgspec.Struct], *, limit: int = 100
) -> Iterator[Item]:
    """The items of a list, page by page; each has at least the fields of ``least``.

    :param limit: items a page.
    """

    def decode(answer: Answer) -> _Listing:
        listing = msgspec.json.decode(answer.body, type=_Listing)
        msgspec.convert(listing.results, list[least])  # type: ignore[valid-type]
        return listing

    start, more = 0, True
    while more:
        query = {**params, "limit": str(limit), "start": str(start)}
        listing = session.ask(path, decode, query, managing=True)
        yield from listing.results
        start += len(listing.results)
        more = bool(listing.results) and start < listing.count
