"""What becomes of rejections that are asked for again, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from kobo_mirror.sync.replay import Fate, replay_rejections
from tests.support.submissions import MIRROR, edited, submission
from tests.support.tables import ledger
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
def test_what_is_rejected_for_another_reason_by_now_is_not_mended(
    engine: Engine, column: str, chosen: dict[str, Any]
) -> None:
    writing = Writing(engine)
    rejected(writing)

    def ask_again(ids: Sequence[int]) -> None:
        assert list(ids) == [1]
        writing.pull(edited(submission(1), **{column: ANSWERS[column]}))

    fates = replay_rejections(engine, MIRROR, ask_again, **chosen)
    now = reason_of(engine, 1)
    assert now.startswith(column)
    assert fates == [Fate("rejection", 1, "rejected", now)]


OUTCOMES: dict[str, tuple[Callable[[Writing], object], str]] = {
    "fits": (lambda writing: writing.pull(edited(BAD, age="40")), "mended"),
    "is deleted": (lambda writing: writing.remove(1), "mended"),
    "is as it was": (lambda writing: writing.pull(BAD), "rejected"),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("chosen", [{}, {"ids": [1]}, {"reason": "age"}])
def test_each_of_those_asked_for_has_its_fate(engine: Engine, outcome: str, chosen: dict[str, Any]) -> None:
    writing = Writing(engine)
    rejected(writing)
    happens, result = OUTCOMES[outcome]
    first, second = reason_of(engine, 1), reason_of(engine, 2)
    fates = replay_rejections(engine, MIRROR, lambda _: happens(writing) and None, **chosen)
    others = [] if chosen else [Fate("rejection", 2, "rejected", second)]
    assert fates == [Fate("rejection", 1, result, first), *others]
