"""Lists that the API gives page by page: forms, REST Services, their logs, the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from kobo_mirror.kobo.session import Session
from kobo_mirror.kobo.transport import Response

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
    results: list[Any]


def listed(
    session: Session, path: str, params: Mapping[str, str], least: type[msgspec.Struct], *, limit: int = 100
) -> Iterator[Item]:
    """The items of a list, page by page, that have at least the fields of ``least``.

    One odd item is left out: it must not stop whoever needs the others. A page without any other kind is
    another list, and an error.

    :param limit: items a page.
    """

    def decode(answer: Response) -> tuple[_Listing, list[Item]]:
        listing = msgspec.json.decode(answer.body, type=_Listing)
        proper = [item for item in listing.results if _is_proper(item, least)]
        if listing.results and not proper:
            raise ValueError("another list")
        return listing, proper

    start, more = 0, True
    while more:
        query = {**params, "limit": str(limit), "start": str(start)}
        listing, proper = session.ask(path, decode, query, managing=True)
        yield from proper
        start += len(listing.results)
        more = bool(listing.results) and start < listing.count


def _is_proper(item: Any, least: type[msgspec.Struct]) -> bool:
    try:
        msgspec.convert(item, least)
    except msgspec.ValidationError:
        return False
    return True
