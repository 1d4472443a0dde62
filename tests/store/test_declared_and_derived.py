"""A declared table and derived ones beside it: all rows of a submission are written, or go, at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import pytest
from sqlalchemy import Engine

from kobo_mirror.forms.form_schema import FormSchema
from tests.support.forms.beside_writing import (
    REST,
    as_stored,
    clocks,
    declared_ids,
    found,
    held,
    rejected_ids,
    should_hold,
    whole,
)
from tests.support.forms.made import ALONE, BESIDE, make_tables
from tests.support.submissions import edited, state
from tests.support.tables import ledger, queued_refs, records, run_sql
from tests.support.writing import Writing

TOO_LONG = "x" * 2**24
HOW = pytest.mark.parametrize("how", [Writing.pull, Writing.push], ids=["pulled", "pushed"])
How = Callable[[Writing, dict[str, Any]], object]


@pytest.fixture
def beside(engine: Engine) -> Writing:
    """A puller and a webhook of a form that has both."""
    return Writing(engine, mirror=make_tables(engine, BESIDE))


@pytest.fixture
def alone(engine: Engine) -> Writing:
    """A puller and a webhook of a form whose tables are all derived."""
    return Writing(engine, mirror=make_tables(engine, ALONE))


def check(writing: Writing, *documents: dict[str, Any], without: Collection[int] = ()) -> None:
    """The tables hold these submissions, and nothing else.

    :param without: those that have no row in ``kobo_records``.
    """
    assert held(writing.engine) == should_hold(writing.mirror, *documents)
    states = {document["_id"]: state(document, writing.mirror) for document in documents}
    if writing.mirror.form:
        assert declared_ids(writing.engine) == states.keys() - {*without}
    assert found(writing.engine, writing.mirror) == {
        document["_id"]: as_stored(writing.mirror, document) for document in documents
    }


@HOW
def test_a_submission_stands_in_all_tables(beside: Writing, how: How) -> None:
    first, second = whole(1), whole(2, count=0)
    how(beside, first)
    how(beside, second)
    check(beside, first, second)
    row = ledger(beside.engine)[1]
    assert row["row_digest"] == state(first, beside.mirror).row_digest
    assert row["state"] == "applied"
    assert rejected_ids(beside.engine) == {1, 2}


@HOW
def test_each_clock_moves_only_for_its_own_rows(beside: Writing, how: How) -> None:
    one = whole(1)
    how(beside, one)
    before, ids = clocks(beside.engine, 1), records(beside.engine)[1]["id"]
    time.sleep(0.002)
    how(beside, one)
    unread = edited(one, _geolocation=[1.5, 2.5])
    how(beside, unread)
    assert clocks(beside.engine, 1) == before, "no row of it has changed"
    further = edited(unread, name="Bea")
    how(beside, further)
    check(beside, further)
    after = clocks(beside.engine, 1)
    assert after[0] == before[0], "kobo_records has its row as before"
    assert after[1] > before[1]
    time.sleep(0.002)
    both = edited(further, age="41")
    how(beside, both)
    check(beside, both)
    last = clocks(beside.engine, 1)
    assert last[0] > after[0]
    assert last[1] > after[1], "the root tells of every change of the submission"
    assert records(beside.engine)[1]["id"] == ids


def test_rows_that_are_written_anew_keep_their_clocks(beside: Writing) -> None:
    one, other = whole(1), whole(2)
    beside.pull(one, other)
    before = clocks(beside.engine, 1), clocks(beside.engine, 2)
    run_sql(
        beside.engine,
        "DELETE FROM kobo_records__members WHERE kobo_id = 1",
        "UPDATE kobo_submissions SET document_digest = NULL",
    )
    time.sleep(0.002)
    assert beside.pull(one, other) == {"rows_read": 2, "updated": 2}
    check(beside, one, other)
    assert (clocks(beside.engine, 1), clocks(beside.engine, 2)) == before


@HOW
def test_one_that_becomes_rejected_keeps_its_rest(beside: Writing, how: How) -> None:
    one, other = whole(1), whole(2)
    how(beside, one)
    how(beside, other)
    broken = edited(one, age="forty", name="Bea")
    how(beside, broken)
    check(beside, broken, other, without={1})
    row = ledger(beside.engine)[1]
    assert (row["state"], row["payload"] is not None) == ("rejected", True)
    assert row["row_digest"] == state(broken, beside.mirror).row_digest
    again = edited(broken, name="Cid")
    how(beside, again)
    check(beside, again, other, without={1})
    healed = edited(again, age="40")
    how(beside, healed)
    check(beside, healed, other)
    assert ledger(beside.engine)[1]["state"] == "applied"


def test_one_that_is_rejected_from_the_start_has_its_rest(beside: Writing) -> None:
    beside.pull(broken := whole(1, age="forty"))
    check(beside, broken, without={1})
    assert beside.push(broken).result == "unchanged"


@HOW
def test_one_beside_a_declared_table_that_becomes_too_large_keeps_a_bare_row(
    beside: Writing, how: How
) -> None:
    one, other = whole(1), whole(2)
    how(beside, one)
    how(beside, other)
    large = edited(one, name=TOO_LONG)
    how(beside, large)
    assert declared_ids(beside.engine) == {2}
    assert ledger(beside.engine)[1]["state"] == "rejected"
    others = should_hold(beside.mirror, other)
    assert held(beside.engine) == others._replace(rows=others.rows | {(REST, (1,)): {}})
    assert rejected_ids(beside.engine) == {2}
    small = edited(large, name="Bea")
    how(beside, small)
    check(beside, small, other)


@HOW
def test_a_derived_one_that_becomes_too_large_loses_all_rows_until_it_is_small_again(
    alone: Writing, how: How
) -> None:
    one, other = whole(1), whole(2)
    how(alone, one)
    how(alone, other)
    large = edited(one, name=TOO_LONG)
    how(alone, large)
    check(alone, other)
    row = ledger(alone.engine)[1]
    assert (row["state"], row["row_digest"]) == ("rejected", None)
    assert "its row of survey is too large" in row["reason"]
    small = edited(large, name="Bea")
    how(alone, small)
    check(alone, small, other)
    assert ledger(alone.engine)[1]["state"] == "applied"


@pytest.mark.parametrize("schema", [ALONE, BESIDE], ids=["derived", "declared"])
@pytest.mark.parametrize("is_rejected", [False, True])
def test_a_tombstone_takes_all_rows_and_a_revival_brings_them_back(
    engine: Engine, schema: FormSchema, *, is_rejected: bool
) -> None:
    writing = Writing(engine, mirror=make_tables(engine, schema))
    one, other = whole(1, age="forty" if is_rejected else "40"), whole(2)
    without = {1} if is_rejected and schema is BESIDE else set[int]()
    writing.pull(one, other)
    check(writing, one, other, without=without)
    writing.remove(1)
    check(writing, other)
    assert rejected_ids(engine) == {2}
    assert ledger(engine)[1]["state"] == "deleted"
    writing.remove(1)
    assert writing.push(one).result == "deferred"
    check(writing, other)
    counts = writing.pull(one)
    assert counts.get("revived", 0) + counts.get("rejected", 0) == 1
    check(writing, one, other, without=without)


@pytest.mark.parametrize("schema", [ALONE, BESIDE], ids=["derived", "declared"])
def test_rows_of_an_unknown_submission_go_from_all_tables(engine: Engine, schema: FormSchema) -> None:
    writing = Writing(engine, mirror=make_tables(engine, schema))
    one, other = whole(1), whole(2)
    writing.pull(one, other)
    run_sql(engine, "DELETE FROM kobo_submissions WHERE kobo_id = 1")
    writing.writer.invalidate([1, 2], writing.lease)
    check(writing, other)
    assert rejected_ids(engine) == {2}
    assert set(queued_refs(engine)) == {"1", "2"}
    assert ledger(engine)[2]["document_digest"] is None
    writing.pull(one, other)
    check(writing, one, other)


def test_rows_of_a_tombstone_go_from_all_tables(beside: Writing) -> None:
    beside.pull(whole(1), whole(2))
    run_sql(beside.engine, "UPDATE kobo_submissions SET state = 'deleted' WHERE kobo_id = 1")
    beside.writer.invalidate([1], beside.lease)
    check(beside, whole(2))
