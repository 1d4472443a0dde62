"""A pulled page that equals what is stored, and one that only seems to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from tests.support.submissions import changed, edited, submission
from tests.support.tables import ledger, queued_refs, records
from tests.support.writing import Writing

ALL = (0, None)


@pytest.fixture
def read(engine: Engine) -> Iterator[list[str]]:
    """The statements that read whole rows of the ledger."""
    found: list[str] = []

    def note(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        if "kobo_submissions.pushed_at" in statement.partition("FROM")[0]:
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_of_an_unchanged_page_no_row_is_read_and_nothing_written(
    writing: Writing, engine: Engine, read: list[str]
) -> None:
    everything = [submission(1), submission(2, alt_phone=None), submission(3, age="abc"), submission(4)]
    writing.pull(*everything)
    before = records(engine), ledger(engine)
    read.clear()
    assert writing.pull(*everything, window=ALL, known=True) == {"rows_read": 4, "unchanged": 4}
    assert writing.pull(everything[1], window=(1, 2), known=True) == {"rows_read": 1, "unchanged": 1}
    assert read == []
    assert (records(engine), ledger(engine)) == before


def nothing(writing: Writing) -> None:
    """Happens."""


def removed(writing: Writing) -> None:
    writing.remove(2)


def doubted(writing: Writing) -> None:
    writing.writer.invalidate([2], writing.lease)


ONE, TWO, THREE, FOUR = map(submission, (1, 2, 3, 4))
EDITED, RENAMED = edited(TWO, age="40"), changed(TWO, _uuid="another")


@pytest.mark.parametrize(
    ("before", "shown", "counts"),
    [
        (nothing, [ONE, EDITED, THREE], {"unchanged": 2, "updated": 1}),
        (nothing, [ONE, RENAMED, THREE], {"unchanged": 2, "updated": 1}),
        (nothing, [ONE, TWO, THREE, FOUR], {"unchanged": 3, "inserted": 1}),
        (removed, [ONE, TWO, THREE], {"unchanged": 2, "revived": 1}),
        (doubted, [ONE, TWO, THREE], {"unchanged": 2, "updated": 1}),
    ],
)
def test_a_page_that_only_seems_to_be_known_is_decided_row_by_row(
    writing: Writing, read: list[str], before: Any, shown: list[Any], counts: dict[str, int]
) -> None:
    writing.pull(ONE, TWO, THREE)
    before(writing)
    read.clear()
    assert writing.pull(*shown, window=ALL, known=True) == {"rows_read": len(shown)} | counts
    assert writing.pull(*shown, window=ALL, known=True)["unchanged"] == len(shown)
    assert len(read) == 1


def test_a_page_that_only_seems_to_be_known_may_lack_one(writing: Writing, engine: Engine) -> None:
    writing.pull(ONE, TWO, THREE)
    assert writing.pull(ONE, THREE, window=ALL, known=True) == {"rows_read": 2, "unchanged": 2}
    assert set(queued_refs(engine)) == {"2"}
