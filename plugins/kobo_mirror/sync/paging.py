"""Ask for pages: the next one of a walk, and as many submissions as a response can hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.form import KoboClient, Page, ResponseTooLargeError

T = TypeVar("T")

_BYTES_IN_FLIGHT = 12 * 2**20
"""Of JSON, once a first page has told how large submissions are; as rows they take ten times as much."""
_FIRST = 250
"""Submissions of a first page, of which nothing is known: in four walks, 1,000 of 20 KB each took 260 MiB."""
_EMPTY_PAGES = 3
_NOTHING_SENT = "The server shows further submissions and yet sends none of them."


def page_or_end(
    client: KoboClient, ask: Callable[..., Page], limit: int, *, after: int, upto: int | None
) -> tuple[Page, int, bool]:
    """Ask for the next page of a walk.

    Neither an empty page nor a page's own count ends a walk: another request must show that nothing lies
    above. An empty page is asked for again, a few times.

    :param client: the form's client.
    :param ask: what asks for a page: one of the client's methods.
    :param limit: how many submissions at most.
    :param after: the ``_id`` behind which the page begins.
    :param upto: the last ``_id`` of the walk; None for one without an end.
    :returns: the page, the limit that it came with, and True if the walk ends with it.
    :raises ServerError: the server shows further submissions and does not send them.
    """
    for _ in range(_EMPTY_PAGES):
        page, limit = _next_page(ask, limit, after=after, upto=upto)
        if page.shown:
            return page, limit, page.shown[-1] == upto or (upto is None and _is_last(client, page))
        if _is_end(client, after, upto):
            return page, limit, True
    raise ServerError(_NOTHING_SENT)


def _is_last(client: KoboClient, page: Page) -> bool:
    """Return True if the server, asked for the page's last id and above, shows that id alone.

    Where it cannot answer, the page counts as not the last one, and the next one is asked for.
    """
    if page.count != len(page.shown):
        return False
    try:
        return client.is_newest(page.shown[-1])
    except ServerError:
        return False


def _next_page(ask: Callable[..., Page], limit: int, **window: int | None) -> tuple[Page, int]:
    """Return a page and the limit that it came with, which is halved until the response is not too large."""
    while True:
        try:
            return ask(limit=limit, **window), limit
        except ResponseTooLargeError:
            if limit == 1:
                raise
            limit //= 2


def first_limit(most: int) -> int:
    """Return how many submissions the first page of a walk may have, before one has told how large they are.

    :param most: how many a page may have, however small they are.
    """
    return min(most, _FIRST)


def next_limit(page: Page, limit: int, *, most: int, pages_at_once: int) -> int:
    """Return how many submissions the next page of a walk may have, by the size of those in this one.

    At most twice as many as before: small submissions may be followed by large ones.

    :param page: the newest page.
    :param limit: how many it was asked for at most.
    :param most: how many a page may have, however small they are.
    :param pages_at_once: how many pages share the memory there is for them.
    """
    if not page.ids:
        return limit
    room = _BYTES_IN_FLIGHT // pages_at_once
    return max(1, min(most, 2 * limit, room * len(page.ids) // max(1, page.size)))


def ask_halving(ask: Callable[[list[T]], Page], items: Sequence[T]) -> tuple[Page, list[T]]:
    """Ask for the first of some items, and for half as many until the response is not too large.

    :param ask: asks for some items.
    :param items: what to ask for; at least one.
    :returns: the page, and the items that it was asked for.
    """
    some = list(items)
    while True:
        try:
            return ask(some), some
        except ResponseTooLargeError:
            if len(some) == 1:
                raise
            del some[len(some) // 2 :]


def _is_end(client: KoboClient, cursor: int, last_id: int | None) -> bool:
    """Return True if an empty page ends a walk: another request shows nothing above the cursor either.

    :param last_id: where the walk ends; None: at the newest submission.
    :raises ServerError: the server shows a further submission and, asked again, does not send it.
    """
    further = client.newest_id() if last_id is None else client.id_at(0, after=cursor)
    if further is None or further <= cursor or (last_id is not None and further > last_id):
        return True
    if client.page(after=cursor, upto=last_id, limit=1).shown:
        return False
    raise ServerError(_NOTHING_SENT)
