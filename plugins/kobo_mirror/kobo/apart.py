"""Ask in parts for what the server cannot send together: one of these submissions makes it a 5xx.

Which one it is, halving tells (kobo-api.md §1.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import msgspec

from kobo_mirror.errors import ServerError, ServerFailedError
from kobo_mirror.kobo.pages import Page
from kobo_mirror.kobo.transport import LARGEST_RESPONSE, ResponseTooLargeError

MOST_UNSENT = 100
"""How many submissions a client may newly find that cannot be sent, before it takes the server for broken."""

_TRIES = 2


class Apart:
    """Asks for submissions, and where the server fails and yet lists them, for parts of them.

    A 500 is asked about after two tries, what says that the server is busy (502, 503, 504) once patience has
    not helped. Threads may share it.

    :param read: asks for the submissions with these ``_id``, once; may raise ``ServerFailedError``.
    :param read_alone: asks for one of them in every way there is.
    :param most_at_once: how many ``read`` takes.
    """

    def __init__(
        self,
        read: Callable[[Sequence[int]], Page],
        read_alone: Callable[[int], Page],
        *,
        most_at_once: int,
    ) -> None:
        self._read, self._read_alone, self._most_at_once = read, read_alone, most_at_once
        self._expected: set[int] = set()
        self._unsent: set[int] = set()

    def expect(self, ids: Iterable[int]) -> None:
        """Do not count some submissions among those that cannot be sent: that is known of them.

        :param ids: the ``_id`` of each.
        """
        self._expected.update(ids)

    def ask(self, ask: Callable[[int | None], Page], sweep: Callable[[], Page], *, is_walk: bool) -> Page:
        """Return a page of submissions; those that the server cannot send are in ``unsent``.

        :param ask: asks for all of them; told how often at most after a 500, None for as often as usual.
        :param sweep: asks, once, for the ids of the same.
        :param is_walk: the page may end earlier, where it grows too large or too much of it cannot be sent.
        :raises ServerFailedError: the server is down, or more than :data:`MOST_UNSENT` cannot be sent.
        :raises ResponseTooLargeError: not ``is_walk``, and fewer must be asked for at once.
        """
        try:
            return ask(_TRIES)
        except ServerFailedError as problem:
            failure = problem
        try:
            swept = sweep()
        except ServerError:
            if failure.status != 500:
                raise failure from None
            return ask(None)
        page = self._in_parts(swept.ids, is_walk=is_walk)
        self._note(page.unsent, failure)
        return replace(page, count=swept.count)

    def _in_parts(self, ids: Sequence[int], *, is_walk: bool) -> Page:
        rows: list[msgspec.Raw] = []
        got: list[int] = []
        unsent: list[int] = []
        size = wire = 0
        step = min(self._most_at_once, max(1, len(ids) // 2))  # all of them at once have just failed
        waiting = [ids[first : first + step] for first in range(0, len(ids), step)][::-1]
        while waiting and size <= LARGEST_RESPONSE and len(self._new_among(unsent)) < MOST_UNSENT:
            some = waiting.pop()
            try:
                page = self._read(some) if len(some) > 1 else self._read_alone(some[0])
            except (ServerFailedError, ResponseTooLargeError):
                if len(some) == 1:
                    raise
                middle = len(some) // 2
                waiting += [some[middle:], some[:middle]]
                continue
            rows += page.rows
            got += page.ids
            unsent += page.unsent
            size, wire = size + page.size, wire + page.wire
        if waiting and not is_walk:
            raise ResponseTooLargeError("The submissions asked for are too many to be read at once.")
        return Page(rows, got, len(ids), size, wire, unsent=unsent)

    def _note(self, ids: Sequence[int], failure: ServerFailedError) -> None:
        self._unsent |= self._new_among(ids)
        if len(self._unsent) > MOST_UNSENT:
            raise ServerFailedError(
                f"{failure} {len(self._unsent)} single submissions could not be sent either, too many to "
                "go on without them. What was read stays: a sync goes on there."
            ) from failure

    def _new_among(self, ids: Iterable[int]) -> set[int]:
        return {kobo_id for kobo_id in ids if kobo_id not in self._expected}
