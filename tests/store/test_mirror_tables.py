"""A proof finds the rows of a submission in all tables of its form, and what differs in any of them."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.mirror_tables import NO_ROWS, MirrorTables
from tests.support.forms.beside_writing import as_stored, found, whole
from tests.support.forms.made import ALONE, BESIDE, make_tables
from tests.support.tables import run_sql
from tests.support.writing import Writing


@pytest.mark.parametrize("schema", [None, ALONE, BESIDE], ids=["alone", "derived", "declared"])
def test_what_was_written_is_found_by_window_and_by_id(engine: Engine, schema: FormSchema | None) -> None:
    writing = Writing(engine, mirror=make_tables(engine, schema)) if schema else Writing(engine)
    documents = [whole(i) for i in range(1, 6)]
    writing.pull(*documents)
    wanted = {one["_id"]: as_stored(writing.mirror, one) for one in documents}
    tables = MirrorTables(writing.mirror)
    with engine.connect() as connection:
        assert tables.between(connection, 0, None) == wanted
        assert tables.between(connection, 1, 3) == {i: wanted[i] for i in (2, 3)}
        assert tables.of(connection, [5, 1, 9]) == {i: wanted[i] for i in (1, 5)}
        assert tables.of(connection, [9]).get(9, NO_ROWS) == NO_ROWS
    shown = wanted[1]
    assert (shown.row is None) == (schema is ALONE)
    assert shown.has_row_set == (schema is not None)


@pytest.fixture
def beside(engine: Engine) -> Writing:
    writing = Writing(engine, mirror=make_tables(engine, BESIDE))
    writing.pull(whole(1), whole(2), whole(3, age="forty"))
    return writing


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE kobo_records SET cohort = 'x' WHERE kobo_id = 1",
        "UPDATE kobo_records__rest SET name = 'x' WHERE kobo_id = 1",
        "UPDATE kobo_records__members SET who = 'x' WHERE kobo_id = 1 AND pos = 1",
        "UPDATE kobo_records__files SET file_name = 'x' WHERE kobo_id = 1",
        "UPDATE kobo_rejected_cells SET value = 'x' WHERE kobo_id = 1",
    ],
)
def test_a_difference_in_any_table_is_another_digest(beside: Writing, statement: str) -> None:
    before = found(beside.engine, beside.mirror)
    run_sql(beside.engine, statement)
    after = found(beside.engine, beside.mirror)
    assert [i for i in before if before[i].digest != after[i].digest] == [1]
    assert after.keys() == before.keys()


def test_one_without_a_row_in_either_table_is_told(beside: Writing) -> None:
    before = found(beside.engine, beside.mirror)
    assert before[3].row is None
    assert before[3] == as_stored(beside.mirror, whole(3, age="forty"))
    run_sql(
        beside.engine,
        "DELETE FROM kobo_records WHERE kobo_id = 1",
        *(
            f"DELETE FROM kobo_records__{name} WHERE kobo_id = 2"
            for name in ("files", "pets", "members", "rest")
        ),
        "DELETE FROM kobo_rejected_cells WHERE kobo_id = 2",
    )
    after = found(beside.engine, beside.mirror)
    assert (after[1].row, after[1].has_row_set, after[1].is_whole) == (None, True, True)
    assert (after[2].row, after[2].has_row_set) == (before[2].row, False)
    assert after[1].digest not in (None, before[1].digest)
    assert after[2].digest not in (None, before[2].digest)
    assert after[3] == before[3]


def test_rows_that_do_not_fit_together_are_told(beside: Writing) -> None:
    run_sql(beside.engine, "UPDATE kobo_records__rest SET members__rows = 7 WHERE kobo_id = 2")
    after = found(beside.engine, beside.mirror)
    assert {i: one.is_whole for i, one in after.items()} == {1: True, 2: False, 3: True}
