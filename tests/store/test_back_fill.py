"""A part that is born later has a row for each row of its table, also when a writer is killed."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DatabaseError, LeaseError, SchemaError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.back_fill import back_fill
from kobo_mirror.store.leases import release_lease, take_lease
from kobo_mirror.store.row_set_counts import RowSetCounts
from kobo_mirror.submissions.shaper import Shaper
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms import judging
from tests.support.forms.applied import Applying
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, check, document, put
from tests.support.forms.promoting import Before, drain, finish, note_all_read
from tests.support.forms.read_back import read_back, wanted
from tests.support.forms.row_set_writing import RowSetWriting, clocks_of, forget, messages
from tests.support.forms.submissions import submissions
from tests.support.forms.surveys import ask, repeat, survey
from tests.support.tables import run_sql

FEW = settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=60)
VISITS = repeat("visits", ask("date", "day"))
WIDE_VISITS = repeat("visits", ask("text", *(f"v{n}" for n in range(200))))
BEFORE = [*MEMBERS, *VISITS]
WIDE = [*ask("text", *(f"t{n}" for n in range(400))), *WIDE_VISITS, *MEMBERS]
BORN = ("survey__2", "survey__3", "survey__visits__2")
DOCUMENTS = [
    document(i, visits=[{"visits/day": "2026-01-02"}] * i, **({"t399": "x"} if i == 4 else {}))
    for i in range(1, 8)
]
ROWS = 7 + 7 + sum(range(1, 8))
"""The rows that the parts lack: those of two parts of the root, and of one part of the repeat."""


def widened(applying: Applying) -> FormSchema:
    """A form that has grown by parts after submissions were written."""
    applying.apply(survey(BEFORE))
    put(RowSetWriting(applying), *DOCUMENTS)
    applying.apply(survey(BEFORE, WIDE))
    assert applying.schema
    assert {*BORN} <= {*applying.names()}
    return applying.schema


def as_before(applying: Applying) -> None:
    """The rows are those of the schema before, and each part has as many as its table."""
    assert read_back(applying.engine, UID) == wanted(map(Shaper(survey(BEFORE)).shape, DOCUMENTS))


def test_each_row_has_one_in_each_part_and_no_time_moves(applying: Applying) -> None:
    schema = widened(applying)
    clocks = clocks_of(applying.engine)
    assert back_fill(applying.engine, schema, applying.lease) == ROWS
    as_before(applying)
    assert clocks_of(applying.engine) == clocks
    with applying.engine.connect() as connection:
        counts = RowSetCounts(schema).count_tables(connection)
    assert {one.table: one.rows for one in counts if one.table in BORN} == dict(
        zip(BORN, (7, 7, 28), strict=True)
    )
    assert not any(one.difference for one in counts)


def test_where_no_row_is_missing_one_statement_is_sent_and_nothing_is_locked(applying: Applying) -> None:
    schema = widened(applying)
    back_fill(applying.engine, schema, applying.lease)
    with messages(applying.engine) as sent:
        assert back_fill(applying.engine, schema, applying.lease) == 0
    assert len(sent) == 1
    assert sent[0].startswith("SELECT")
    with messages(applying.engine) as sent:
        assert back_fill(applying.engine, survey(MEMBERS), applying.lease) == 0
    assert sent == []


@pytest.mark.parametrize("at_once", [1, 3, 7])
def test_rows_are_written_in_windows(applying: Applying, at_once: int) -> None:
    schema = widened(applying)
    with messages(applying.engine) as sent:
        assert back_fill(applying.engine, schema, applying.lease, at_once=at_once) == ROWS
    as_before(applying)
    written = [one for one in sent if one.startswith("INSERT")]
    assert len(written) == {1: 21, 3: 3 + 3 + 6, 7: 1 + 1 + 3}[at_once]


def test_only_what_is_missing_is_written(applying: Applying) -> None:
    """A row that a writer has made meanwhile keeps its cells; so do those between which some were lost."""
    schema = widened(applying)
    put(RowSetWriting(applying), document(9, t399="y"))
    assert back_fill(applying.engine, schema, applying.lease) == ROWS
    run_sql(applying.engine, "DELETE FROM survey__visits__2 WHERE kobo_id IN (2, 5)")
    assert back_fill(applying.engine, schema, applying.lease, at_once=2) == 2 + 5
    assert read_back(applying.engine, UID).rows["survey", (9,)]["t399"] == "y"


def test_answers_that_waited_reach_the_parts(applying: Applying) -> None:
    widened(applying)
    note_all_read(applying)
    assert finish(applying).submissions == 1
    as_before(applying)
    assert drain(applying, DOCUMENTS) == 1
    check(RowSetWriting(applying), *DOCUMENTS)


def test_a_process_that_is_killed_at_any_moment_leaves_what_the_next_one_finishes(applying: Applying) -> None:
    applying.apply(survey(VISITS))
    put(RowSetWriting(applying), *({"_id": i, "visits": [{"visits/day": "?"}] * i} for i in range(1, 5)))
    applying.apply(survey(VISITS, WIDE_VISITS))
    schema = applying.schema
    assert schema
    before, point = Before(applying, "survey__visits__2"), CrashPoint(applying.engine)
    counting = RowSetCounts(schema)
    for statements in count():
        before.return_to()
        try:
            with point.crash_after(statements):
                assert back_fill(applying.engine, schema, applying.lease, at_once=6) == 10
        except Crash:
            back_fill(applying.engine, schema, applying.lease)
        else:
            break
        with applying.engine.connect() as connection:
            assert not any(one.difference for one in counting.count_tables(connection)), statements
    assert statements > 12


def test_a_sync_that_has_lost_its_lease_writes_nothing(applying: Applying) -> None:
    schema = widened(applying)
    release_lease(applying.engine, UID, "a sync")
    lease = take_lease(applying.engine, UID, "another sync")
    with pytest.raises(LeaseError):
        back_fill(applying.engine, schema, applying.lease)
    assert back_fill(applying.engine, schema, lease) == ROWS


def test_a_schema_that_is_not_in_force_is_refused(applying: Applying) -> None:
    schema = widened(applying)
    applying.apply(survey(BEFORE, WIDE, [*WIDE, *ask("text", "later")]))
    with pytest.raises(SchemaError, match="were changed meanwhile: start the sync again"):
        back_fill(applying.engine, schema, applying.lease)


def test_a_window_waits_for_those_who_write(on_server: Applying) -> None:
    schema = widened(on_server)
    impatient = open_engine(on_server.engine.url, patience=1)
    with on_server.engine.connect() as writer:
        writer.execute(text("SELECT epoch FROM kobo_forms WHERE form_table = 'survey' LOCK IN SHARE MODE"))
        with pytest.raises(DatabaseError, match="it kept a lock for too long"):
            back_fill(impatient, schema, on_server.lease)
    assert back_fill(impatient, schema, on_server.lease) == ROWS
    impatient.dispose()


def check_wide(applying: Applying, data: st.DataObject) -> None:
    """A wide form that grows: its parts have their rows before the drain, and all cells after it."""
    versions = data.draw(histories(versions=3, most=4, wide=True))
    schemas = judging.grown(versions)[1:]
    documents: dict[int, Any] = {}
    try:
        for number, schema in enumerate(schemas):
            rose = applying.apply(schema).epoch_rose
            rose |= finish(applying).epoch_rose
            with applying.engine.connect() as connection:
                counted = RowSetCounts(schema).count_tables(connection)
            parts = {table.part_name(n) for table in schema.tables for n in range(2, table.parts + 1)}
            assert not any(one.difference for one in counted if one.table in parts)
            writing = RowSetWriting(applying)
            if rose:
                writing.write(*writing.shape(*documents.values()))
            else:
                drain(applying, documents.values())
            documents |= drawn(data, versions, number)
            writing.write(*writing.shape(*documents.values()))
            assert read_back(applying.engine, UID) == wanted(writing.shape(*documents.values()))
    finally:
        run_sql(applying.engine, "DELETE FROM kobo_to_fetch")
        forget(applying)


def drawn(data: st.DataObject, versions: Any, number: int) -> dict[int, Any]:
    """A submission more, which was made with any version."""
    made_with: Deployed = data.draw(st.sampled_from(versions))
    return {number + 1: data.draw(submissions(made_with, kobo_id=number + 1))}


@given(data=st.data())
@FEW
def test_any_wide_form_that_grows_has_its_parts_filled(engine: Engine, data: st.DataObject) -> None:
    check_wide(Applying(engine), data)


@pytest.mark.long
@given(data=st.data())
@MANY
def test_many_wide_forms_that_grow_have_their_parts_filled(engine: Engine, data: st.DataObject) -> None:
    check_wide(Applying(engine), data)
