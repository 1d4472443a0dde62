"""What becomes of dead letters and rejections that are taken once more, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, event

from kobo_mirror.database.engine import open_engine, reading
from kobo_mirror.store.dead_letters import keep, letters_waiting, note_replay, waiting_letters
from kobo_mirror.sync.replay import Fate, replay_dead_letters, replay_rejections
from tests.support.submissions import ASSET, MIRROR, body, edited, submission
from tests.support.tables import ledger, letters
from tests.support.writing import Writing

BAD = submission(1, age="x")
ANSWERS = {"client_name": None, "survey_date": "no date"}
"""Answers that do not fit these columns."""


def rejected(writing: Writing) -> None:
    """Have submissions 1 and 2 rejected, for ``age`` and for another column."""
    writing.pull(BAD, submission(2, gender=None), submission(3))
    assert [row["state"] for row in ledger(writing.engine).values()] == ["rejected", "rejected", "applied"]


def reason_of(engine: Engine, kobo_id: int) -> str:
    return str(ledger(engine)[kobo_id]["reason"])


@pytest.mark.parametrize("column", ANSWERS)
@pytest.mark.parametrize("chosen", [{"reason": "age"}, {"ids": [1]}, {"ids": [1, 3], "reason": "age"}])
def test_a_submission_rejected_for_another_reason_by_now_is_not_mended(
    engine: Engine, column: str, chosen: dict[str, Any]
) -> None:
    writing = Writing(engine)
    rejected(writing)

    def ask_again(ids: Sequence[int]) -> None:
        assert list(ids) == [1]
        writing.pull(edited(submission(1), **{column: ANSWERS[column]}))

    fates = replay_rejections(engine, MIRROR, ask_again, **chosen).fates
    now = reason_of(engine, 1)
    assert now.startswith(column)
    unknown = (
        [Fate("rejection", 3, "unknown", "it is not rejected now")] if 3 in chosen.get("ids", ()) else []
    )
    assert fates == [Fate("rejection", 1, "rejected", now), *unknown]


OUTCOMES: dict[str, tuple[Callable[[Writing], object], str, str]] = {
    "fits": (lambda writing: writing.pull(edited(BAD, age="40")), "mended", ""),
    "is deleted": (lambda writing: writing.remove(1), "deleted", "KoboToolbox shows it no more"),
    "is as it was": (lambda writing: writing.pull(BAD), "rejected", ""),
}
"""What happens to a submission, what that is called, and the reason where it is not that of before."""


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("chosen", [{}, {"ids": [1]}, {"reason": "age"}])
def test_each_requested_replay_has_a_result(engine: Engine, outcome: str, chosen: dict[str, Any]) -> None:
    writing = Writing(engine)
    rejected(writing)
    happens, result, why = OUTCOMES[outcome]
    first, second = reason_of(engine, 1), reason_of(engine, 2)
    fates = replay_rejections(engine, MIRROR, lambda _: happens(writing) and None, **chosen).fates
    others = [] if chosen else [Fate("rejection", 2, "rejected", second)]
    assert fates == [Fate("rejection", 1, result, why or first), *others]


def test_a_requested_replay_of_what_does_not_wait_is_unknown(engine: Engine) -> None:
    """By a number that never was, was taken, is mended, or waits for another reason."""
    writing = Writing(engine)
    rejected(writing)
    waiting, taken = (
        keep(engine, body=b"{", source="webhook", reason="no JSON", asset_uid=ASSET) for _ in range(2)
    )
    note_replay(engine, taken, taken=True)
    chosen = {"ids": [taken, waiting, 99, taken], "reason": "no object"}
    gone = "it was never there, was taken before, or is kept no longer"
    assert replay_dead_letters(engine, MIRROR, "rejected", **chosen) == [
        Fate("dead letter", taken, "unknown", gone),
        Fate("dead letter", waiting, "unknown", "it waits for another reason"),
        Fate("dead letter", 99, "unknown", gone),
    ]
    asked: list[Sequence[int]] = []
    assert replay_rejections(engine, MIRROR, asked.append, ids=[3, 2, 99], reason="age").fates == [
        Fate("rejection", 3, "unknown", "it is not rejected now"),
        Fate("rejection", 2, "unknown", "it waits for another reason"),
        Fate("rejection", 99, "unknown", "it is not rejected now"),
    ]
    assert asked == []
    assert [row["attempts"] for row in letters(engine)] == [0, 1]


OTHER = "aOtherForm00000000001"


def test_requested_letters_of_another_form_are_refused_and_left_unchanged(engine: Engine) -> None:
    writing = Writing(engine)
    mine, theirs, of_none = (
        keep(engine, body=body(submission(number)), source="webhook", reason="no", asset_uid=asset)
        for number, asset in ((1, ASSET), (2, OTHER), (3, None))
    )
    assert replay_dead_letters(engine, MIRROR, "rejected", ids=[theirs]) == [
        Fate("dead letter", theirs, "refused", f"it was posted for the form {OTHER}")
    ]
    fates = replay_dead_letters(engine, MIRROR, "rejected")
    assert [(fate.id, fate.result) for fate in fates] == [(mine, "inserted"), (of_none, "inserted")]
    assert [row["body"] for row in letters(engine)] == [b"", body(submission(2)), b""]
    assert letters(engine)[1]["attempts"] == 0
    with reading(engine) as connection:
        assert (letters_waiting(connection, ASSET), letters_waiting(connection, OTHER)) == (0, 1)
    assert sorted(ledger(writing.engine)) == [1, 3]


GOES = {
    "taken": "UPDATE kobo_dead_letters SET replayed_at = received_at",
    "deleted": "DELETE FROM kobo_dead_letters",
}


@pytest.mark.parametrize("gone", GOES)
def test_a_letter_that_is_deleted_meanwhile_stops_no_replay(engine: Engine, gone: str) -> None:
    """Another replay takes it, or its time is up, after it was listed and before its turn."""
    Writing(engine)
    first, second, third = (
        keep(engine, body=body(submission(n)), source="webhook", reason="no", asset_uid=ASSET)
        for n in (1, 2, 3)
    )
    meanwhile = open_engine(engine.url.render_as_string(hide_password=False))

    @event.listens_for(engine, "begin")
    def take_the_second(_: Any) -> None:
        with reading(meanwhile) as connection:
            waiting = waiting_letters(connection, ASSET)
        if not done and waiting and waiting[0][0] == second:
            done.append(True)
            with meanwhile.begin() as connection:
                connection.exec_driver_sql(f"{GOES[gone]} WHERE id = {second}")

    done: list[bool] = []
    fates = replay_dead_letters(engine, MIRROR, "rejected")
    meanwhile.dispose()
    assert [(fate.id, fate.result, fate.reason) for fate in fates] == [
        (first, "inserted", None),
        (second, "unknown", "it waits no more"),
        (third, "inserted", None),
    ]
    assert sorted(ledger(engine)) == [1, 3]
