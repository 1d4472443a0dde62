"""Lists that the API gives page by page: forms, REST Services, their logs, the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from kobo_mirror import tolerant_json
from kobo_mirror.kobo.session import Session
from kobo_mirror.kobo.transport import Response

Item = dict[str, Any]


class Service(msgspec.Struct):
    """The fields that each REST Service has (kobo-api.md §5.1)."""

    uid: str


class Delivery(msgspec.Struct):
    """The fields that each entry of a REST Service's log has (kobo-api.md §5.5)."""

    submission_id: int
    date_modified: datetime


class Action(msgspec.Struct):
    """The fields that each entry of the history has (kobo-api.md §4)."""

    action: str
    date_created: datetime


class _Listing(msgspec.Struct):
    count: int
    results: list[Any]


def listed(
    session: Session, path: str, params: Mapping[str, str], least: type[msgspec.Struct], *, limit: int = 100
) -> Iterator[Item]:
    """Iterate over the items of a list that have at least certain fields, page by page.

    An item that lacks one is left out, so that it does not keep the others from being read. A page on which
    each item lacks one is taken for another list.

    :param session: asks the server.
    :param path: the list's path.
    :param params: further parameters of the query.
    :param least: the fields that an item must have, with their types.
    :param limit: items a page.
    :raises ServerError: a page is no such list.
    :raises NotPermittedError: this account may not read it.
    """

    def decode(response: Response) -> tuple[_Listing, list[Item]]:
        listing = _listing(response.body)
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


def _listing(body: bytes) -> _Listing:
    """Read a page, also one with half a character, as a submission may bring it into the history."""
    try:
        return msgspec.json.decode(body, type=_Listing)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(tolerant_json.loads(body), _Listing)


def _is_proper(item: Any, least: type[msgspec.Struct]) -> bool:
    try:
        msgspec.convert(item, least)
    except msgspec.ValidationError:
        return False
    return True
