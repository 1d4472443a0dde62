"""Replay: take dead letters once more, and ask again for what was rejected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Engine

from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.form import Mirror
from kobo_mirror.forms.submission import form_of, parse
from kobo_mirror.store.database import reading
from kobo_mirror.store.dead_letters import body_of, letters_of_others, note_replay, waiting_letters
from kobo_mirror.store.form_names import Belongs, FormNames
from kobo_mirror.store.ledger import rejections
from kobo_mirror.store.schema import check_binding
from kobo_mirror.store.writer import Writer

_MOST = 1_000_000
_NAMED = 10


class Fate(NamedTuple):
    """What became of one replayed thing: a dead letter by its id, or a rejection by its ``_id``."""

    kind: str
    id: int
    result: str
    reason: str | None

    @property
    def sentence(self) -> str:
        """What became of it, in a line."""
        return f"{self.kind} {self.id}: {self.result}{f' ({self.reason})' if self.reason else ''}"


def sentence_of(fates: Sequence[Fate]) -> str:
    """What became of them all, in a line: how many of each result, and the first ids of each.

    >>> sentence_of([Fate("rejection", 7, "mended", None), Fate("rejection", 9, "mended", None)])
    '2 replayed: 2 mended (7, 9)'
    """
    by_result: dict[str, list[int]] = {}
    for fate in fates:
        by_result.setdefault(fate.result, []).append(fate.id)
    parts = [
        f"{len(ids)} {result} ({', '.join(map(str, ids[:_NAMED]))}{' …' if len(ids) > _NAMED else ''})"
        for result, ids in by_result.items()
    ]
    return f"{len(fates)} replayed" + (f": {', '.join(parts)}" if parts else "")


def replay_dead_letters(
    engine: Engine, mirror: Mirror, keep_payloads: str, *, ids: Sequence[int] = (), reason: str = ""
) -> list[Fate]:
    """Give dead letters to the writer as if they had just been delivered; those it takes are done with.

    :param ids: only these; all of the form that wait by default.
    :param reason: only those whose reason holds this text.
    :returns: what became of each. One that was posted for another form is refused.
    :raises SchemaError: the form table mirrors another form.
    """
    check_binding(engine, mirror)
    writer = Writer(engine, mirror, keep_payloads)
    with reading(engine) as connection:
        letters = waiting_letters(connection, mirror.asset_uid, ids)
        others = letters_of_others(connection, mirror.asset_uid, ids)
    names = FormNames(engine, mirror)
    fates = [_replay(engine, names, writer, letter) for letter, why in letters if reason in why]
    return fates + [_refused(letter, f"it was posted for the form {other}") for letter, other in others]


def _replay(engine: Engine, names: FormNames, writer: Writer, letter: int) -> Fate:
    with reading(engine) as connection:
        body = body_of(connection, letter)
    if body is None:
        return _refused(letter, "it waits no more")
    try:
        fate, taken = _judged(names, writer, letter, body)
    except SubmissionError as error:
        fate, taken = _refused(letter, str(error)), False
    note_replay(engine, letter, taken=taken)
    return fate


def _judged(names: FormNames, writer: Writer, letter: int, body: bytes) -> tuple[Fate, bool]:
    """What becomes of a letter, and whether it is done with by that.

    :raises SubmissionError: it is no submission.
    """
    submission = parse(body)
    belongs = names.belongs(form_of(submission))
    if belongs is Belongs.ELSEWHERE:
        return _refused(letter, "another form's submission"), False
    if belongs is Belongs.UNKNOWN:  # it stays: if it is another form's, the server has nothing of it
        writer.defer(submission["_id"])
        return Fate("dead letter", letter, "deferred", "whose it is will be known after the next sync"), False
    result = writer.push(body)
    return Fate("dead letter", letter, result.result, result.reason), True


def _refused(letter: int, reason: str) -> Fate:
    return Fate("dead letter", letter, "refused", reason)


def replay_rejections(
    engine: Engine,
    mirror: Mirror,
    ask_again: Callable[[Sequence[int]], None],
    *,
    ids: Sequence[int] = (),
    reason: str = "",
) -> list[Fate]:
    """Ask the server again for what was rejected; what fits now appears.

    :param ask_again: brings the newest state of these ids into the mirror, believing nothing of what is held.
    """
    before = _rejected(engine, mirror, ids, reason)
    ask_again(sorted(before))
    after = _rejected(engine, mirror, ids, "")
    return [
        Fate("rejection", i, "rejected" if i in after else "mended", after.get(i, before[i]))
        for i in sorted(before)
    ]


def _rejected(engine: Engine, mirror: Mirror, ids: Sequence[int], reason: str) -> dict[int, str]:
    with reading(engine) as connection:
        found = rejections(connection, mirror.asset_uid, _MOST)
    return {kobo_id: why for kobo_id, why in found if reason in why and (not ids or kobo_id in ids)}
