"""Replay: receive dead letters once more, and ask again for what was rejected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.dead_letters import body_of, letters_of_others, note_replay, waiting_letters
from kobo_mirror.store.ledger import existing_among, rejections
from kobo_mirror.store.refetch_queue import still_waiting
from kobo_mirror.store.schema import require_tables
from kobo_mirror.sync.receive import Accepted, Outcome, Receiver, Refusal, Refused

_MOST = 1_000_000
_NAMED = 10
_AT_ONCE = 500


REFUSED, REJECTED, UNKNOWN, DELETED, GONE = "refused", "rejected", "unknown", "deleted", "gone"
_IN_GENERAL = {
    REFUSED: "no submission of this form",
    REJECTED: "it does not fit the table",
    UNKNOWN: "no such one waits",
    "deferred": "the next sync asks for it",
    DELETED: "KoboToolbox shows it no more",
    GONE: "KoboToolbox shows it no more, and its delete waits",
}
"""What a result means, whatever it is the result of."""


class Fate(NamedTuple):
    """What became of a dead letter or of a rejection.

    :param kind: ``dead letter`` or ``rejection``.
    :param id: the dead letter's id, or the rejected submission's ``_id``.
    :param result: one of the results above, or of those of a delivery.
    :param reason: why, in a sentence; None where that needs no words.
    """

    kind: str
    id: int
    result: str
    reason: str | None

    @property
    def is_done(self) -> bool:
        """True unless it was refused, does not fit, was not there to be replayed, or its delete waits."""
        return self.result not in (REFUSED, REJECTED, UNKNOWN, GONE)

    @property
    def sentence(self) -> str:
        """What became of it, in a line."""
        return f"{self.kind} {self.id}: {self.result}{f' ({self.reason})' if self.reason else ''}"


class ReplayedRejections(NamedTuple):
    """What became of rejections that were asked for again.

    :param fates: what became of each.
    :param waiting: the deletes that wait to be confirmed, also of other submissions; None: there are none.
    """

    fates: list[Fate]
    waiting: DeletesWaitError | None


def sentence_of(fates: Sequence[Fate]) -> str:
    """Return in a line how many of each result there are, the first ids of each, and what it means.

    :param fates: what became of each.

    >>> sentence_of([Fate("rejection", 7, "mended", None), Fate("rejection", 9, "rejected", "age: …")])
    '1 of 2 replayed: 1 mended (7), 1 rejected (9: it does not fit the table)'
    """
    by_result: dict[str, list[int]] = {}
    for fate in fates:
        by_result.setdefault(fate.result, []).append(fate.id)
    parts = [f"{len(ids)} {result} ({_named(ids)}{_why(result)})" for result, ids in by_result.items()]
    done = sum(fate.is_done for fate in fates)
    count = str(done) if done == len(fates) else f"{done} of {len(fates)}"
    return f"{count} replayed: {', '.join(parts)}" if parts else "nothing waits to be replayed"


def _named(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids[:_NAMED])) + (" …" if len(ids) > _NAMED else "")


def _why(result: str) -> str:
    return f": {_IN_GENERAL[result]}" if result in _IN_GENERAL else ""


def replay_dead_letters(
    engine: Engine, mirror: Mirror, keep_payloads: str, *, ids: Sequence[int] = (), reason: str = ""
) -> list[Fate]:
    """Receive dead letters as if they had just been delivered; those that are accepted wait no longer.

    :param engine: the database.
    :param mirror: the form and its table.
    :param keep_payloads: ``rejected`` or ``all``, as for :class:`Writer`.
    :param ids: the letters' ids; empty: all of the form that wait.
    :param reason: only those whose reason contains this text.
    :returns: what became of each. A letter that was posted for another form is refused; of ``ids``, one that
        does not wait is unknown.
    :raises SchemaError: the form table mirrors another form.
    """
    require_tables(engine, asset_uid=mirror.asset_uid)
    with reading(engine) as connection:
        letters = waiting_letters(connection, mirror.asset_uid, ids)
        others = letters_of_others(connection, mirror.asset_uid, ids)
    receiver = Receiver(engine, [mirror], keep_payloads)
    fates = [_replay(engine, receiver, letter) for letter, why in letters if reason in why]
    fates += [_refused(letter, f"it was posted for the form {other}") for letter, other in others]
    gone = "it was never there, was taken before, or is kept no longer"
    return fates + _unknown("dead letter", ids, fates, dict(letters), gone)


def _unknown(
    kind: str, ids: Sequence[int], fates: Sequence[Fate], waiting: Mapping[int, str], gone: str
) -> list[Fate]:
    """Return a fate for each id that was asked for and could not be replayed.

    :param fates: what became of the others.
    :param waiting: the reason of each one that waits, whatever reason was asked for.
    :param gone: what to say of one that does not wait.
    """
    replayed = {fate.id for fate in fates}
    missed = [i for i in dict.fromkeys(ids) if i not in replayed]
    return [Fate(kind, i, UNKNOWN, "it waits for another reason" if i in waiting else gone) for i in missed]


def _replay(engine: Engine, receiver: Receiver, letter: int) -> Fate:
    with reading(engine) as connection:
        body = body_of(connection, letter)
    if body is None:
        return Fate("dead letter", letter, UNKNOWN, "it waits no more")
    outcome = receiver.receive(body)
    # Where only the server knows whose submission it is, the letter stays: the next sync may get nothing.
    note_replay(engine, letter, taken=isinstance(outcome, Accepted) and outcome.form_is_known)
    return _fate_of(letter, outcome)


def _fate_of(letter: int, outcome: Outcome) -> Fate:
    if isinstance(outcome, Refused):
        is_other = outcome.why is Refusal.OTHER_FORM
        return _refused(letter, "another form's submission" if is_other else outcome.reason)
    if not outcome.form_is_known:
        return Fate("dead letter", letter, "deferred", "whose it is will be known after the next sync")
    return Fate("dead letter", letter, outcome.result.result, outcome.result.reason)


def _refused(letter: int, reason: str) -> Fate:
    return Fate("dead letter", letter, REFUSED, reason)


def replay_rejections(
    engine: Engine,
    mirror: Mirror,
    ask_again: Callable[[Sequence[int]], None],
    *,
    ids: Sequence[int] = (),
    reason: str = "",
) -> ReplayedRejections:
    """Ask the server again for what was rejected, so that what fits by now is applied.

    :param engine: the database.
    :param mirror: the form and its table.
    :param ask_again: writes submissions anew as the server shows them, given their ``_id``; not called
        without any. It may raise ``DeletesWaitError`` once all else is done.
    :param ids: the ``_id`` of each; empty: all that are rejected. One that is not rejected is unknown.
    :param reason: only those whose reason contains this text.
    :returns: what became of each, and the deletes that wait.
    """
    waiting = _rejected(engine, mirror, ids)
    before = {kobo_id: why for kobo_id, why in sorted(waiting.items()) if reason in why}
    waiting_deletes, gone = None, set[int]()
    if before:
        try:
            ask_again(list(before))
        except DeletesWaitError as error:
            waiting_deletes, gone = error, _still_queued(engine, mirror, list(before))
    after = _rejected(engine, mirror, before)
    there = _existing(engine, mirror, [kobo_id for kobo_id in before if kobo_id not in after])
    fates = [
        Fate("rejection", i, GONE, _IN_GENERAL[GONE])
        if i in gone
        else _of_rejection(i, why, after.get(i), is_there=i in there)
        for i, why in before.items()
    ]
    fates += _unknown("rejection", ids, fates, waiting, "it is not rejected now")
    return ReplayedRejections(fates, waiting_deletes)


def _of_rejection(kobo_id: int, before: str, after: str | None, *, is_there: bool) -> Fate:
    """Tell what became of a rejection.

    :param before: why it was rejected.
    :param after: why it is rejected now; None if it is not.
    """
    if after is not None:
        return Fate("rejection", kobo_id, REJECTED, after)
    if not is_there:
        return Fate("rejection", kobo_id, DELETED, _IN_GENERAL[DELETED])
    return Fate("rejection", kobo_id, "mended", before)


def _still_queued(engine: Engine, mirror: Mirror, ids: Sequence[int]) -> set[int]:
    """Return which of these submissions are still in the refetch queue."""
    with reading(engine) as connection:
        return still_waiting(connection, mirror.asset_uid, ids)


def _existing(engine: Engine, mirror: Mirror, ids: Sequence[int]) -> set[int]:
    """Return which of these submissions exist in the mirror."""
    with reading(engine) as connection:
        parts = (ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE))
        return {i for part in parts for i in existing_among(connection, mirror.asset_uid, part)}


def _rejected(engine: Engine, mirror: Mirror, ids: Collection[int]) -> dict[int, str]:
    """Return why submissions are rejected now, by ``_id``: of these ids, or of all where there are none."""
    with reading(engine) as connection:
        found = rejections(connection, mirror.asset_uid, _MOST)
    return {kobo_id: why for kobo_id, why in found if not ids or kobo_id in ids}
