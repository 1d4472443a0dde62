"""Rows are counted in all tables of a form, and where they are not as told, the submissions are found."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.row_set_counts import RowSetCounts, TableCount
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, document, put
from tests.support.forms.row_set_writing import RowSetWriting, messages
from tests.support.forms.surveys import ask, group, repeat, survey
from tests.support.tables import run_sql

WIDE = [*MEMBERS, *repeat("visits", ask("text", *(f"q{n}" for n in range(300))))]
TABLES = ["survey", "survey__2", "survey__members", "survey__pets", "survey__visits", "survey__visits__2"]
IDS = range(1, 8)


@pytest.fixture
def writing(applying: Applying) -> RowSetWriting:
    """Seven submissions of a form whose root and one of whose repeats have two parts."""
    applying.apply(survey([*WIDE, *ask("text", *(f"t{n}" for n in range(200)))]))
    made = RowSetWriting(applying)
    put(made, *(document(i, visits=[{"visits/q1": "a"}, {}]) for i in IDS))
    return made


class Counting:
    """Counts what a form has."""

    def __init__(self, writing: RowSetWriting) -> None:
        self._writing, self._counts = writing, RowSetCounts(writing.schema)

    def root(self) -> TableCount:
        with self._writing.engine.connect() as connection:
            return self._counts.count_root(connection)

    def differences(self) -> dict[str, int]:
        with self._writing.engine.connect() as connection, messages(self._writing.engine) as sent:
            found = self._counts.count_tables(connection)
        assert len(sent) == 1
        return {count.table: count.difference for count in found if count.difference}

    def located(self, **portion: int) -> tuple[list[int], list[int]]:
        """Those misplaced in the root, and those that differ below it."""
        portion = {"after": -(2**63), "limit": 100} | portion
        with self._writing.engine.connect() as connection:
            return (
                self._counts.misplaced(connection, **portion),
                self._counts.differing(connection, **portion),
            )


def test_all_rows_are_there(writing: RowSetWriting) -> None:
    counting = Counting(writing)
    with messages(writing.engine) as sent:
        assert counting.root() == TableCount("survey", 7, 7)
    assert len(sent) == 1
    with writing.engine.connect() as connection:
        counts = RowSetCounts(writing.schema).count_tables(connection)
    assert {count.table: (count.rows, count.told) for count in counts} == {
        "survey__2": (7, 7),
        "survey__members": (14, 14),
        "survey__pets": (14, 14),
        "survey__visits": (14, 14),
        "survey__visits__2": (14, 14),
    }
    assert counting.located() == ([], [])
    writing.remove(3)
    assert counting.root() == TableCount("survey", 6, 6)
    assert counting.differences() == {}
    assert counting.located() == ([], [])


LOST: dict[str, tuple[dict[str, int], list[int]]] = {
    "survey__2": ({"survey__2": -1}, [4]),
    "survey__pets": ({"survey__pets": -2}, [4]),
    "survey__visits__2": ({"survey__visits__2": -2}, [4]),
}


@pytest.mark.parametrize("table", LOST)
def test_rows_that_are_lost_below_the_root_are_counted_and_found(writing: RowSetWriting, table: str) -> None:
    counting = Counting(writing)
    run_sql(writing.engine, f"DELETE FROM {table} WHERE kobo_id = 4")
    differences, ids = LOST[table]
    assert counting.differences() == differences
    assert counting.located() == ([], ids)
    writing.invalidate()
    put(writing, document(4, visits=[{"visits/q1": "a"}, {}]))
    assert counting.differences() == {}
    assert counting.located() == ([], [])


@pytest.mark.parametrize("table", ["survey__members", "survey__visits"])
def test_a_lost_row_of_a_repeat_is_found_whether_or_not_what_is_in_it_went_too(
    writing: RowSetWriting, table: str
) -> None:
    counting = Counting(writing)
    run_sql(writing.engine, f"DELETE FROM {table} WHERE kobo_id = 4 AND pos = 2")
    assert counting.differences()[table] == -1
    assert counting.located() == ([], [4])


def test_rows_of_the_root_that_are_lost_or_too_many_are_found(writing: RowSetWriting) -> None:
    counting = Counting(writing)
    run_sql(
        writing.engine,
        *(f"DELETE FROM {table} WHERE kobo_id = 4" for table in reversed(TABLES)),
        "DELETE FROM survey__files WHERE kobo_id = 4",
        "DELETE FROM kobo_rejected_cells WHERE kobo_id = 4",
        "DELETE FROM survey WHERE kobo_id = 4",
        "INSERT INTO survey (kobo_id) VALUES (99)",
        "INSERT INTO survey__2 (kobo_id) VALUES (99)",
    )
    assert counting.root() == TableCount("survey", 7, 7)
    assert counting.differences() == {}
    assert counting.located() == ([4, 99], [])
    assert counting.located(after=4) == ([99], [])
    assert counting.located(limit=1) == ([4], [])


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("INSERT INTO survey__2 (kobo_id) VALUES (99)", {"survey__2": 1}),
        ("INSERT INTO survey__members (kobo_id, pos) VALUES (99, 1)", {"survey__members": 1}),
        ("INSERT INTO survey__pets (kobo_id, pos_1, pos) VALUES (99, 9, 1)", {"survey__pets": 1}),
        ("INSERT INTO survey__files (kobo_id, uid) VALUES (99, 'x')", {}),
        (
            "INSERT INTO kobo_rejected_cells (asset_uid, kobo_id, key_hash, table_name, pos, column_name, "
            f"path, value, reason) VALUES ('{UID}', 99, 'x', 'survey', '', 'age', 'age', 'x', 'y')",
            {},
        ),
        ("UPDATE survey SET members__rows = 3 WHERE kobo_id = 99", {}),
    ],
)
def test_rows_without_the_row_that_they_belong_to_are_found(
    writing: RowSetWriting, statement: str, difference: dict[str, int]
) -> None:
    is_file = writing.engine.dialect.name == "sqlite"
    statement = statement.replace("99, 9", "5, 9") if "pets" in statement else statement
    wanted = [] if statement.startswith("UPDATE") else [5] if "pets" in statement else [99]
    with writing.engine.begin() as connection:
        if not is_file:
            connection.execute(text("SET foreign_key_checks = 0"))
        connection.execute(text(statement))
        if not is_file:
            connection.execute(text("SET foreign_key_checks = 1"))
    counting = Counting(writing)
    assert counting.differences() == difference
    assert counting.located() == ([], wanted)


def test_a_wrong_number_beside_the_rows_is_found(writing: RowSetWriting) -> None:
    counting = Counting(writing)
    run_sql(
        writing.engine,
        "UPDATE survey SET members__rows = 3 WHERE kobo_id = 2",
        "UPDATE survey__members SET pets__rows = 0 WHERE kobo_id = 6 AND pos = 1",
    )
    assert counting.differences() == {"survey__members": -1, "survey__pets": 1}
    assert counting.located() == ([], [2, 6])
    assert counting.located(limit=1) == ([], [2])
    assert counting.located(after=2) == ([], [6])


def test_a_table_whose_rows_moved_is_to_be_empty(applying: Applying) -> None:
    before = group("a", repeat("b", ask("text", "q")))
    applying.apply(survey(before))
    writing = RowSetWriting(applying)
    old: dict[str, Any] = {"_id": 1, "a/b": [{"a/b/q": "x"}, {"a/b/q": "y"}]}
    put(writing, old)
    applying.apply(survey(before, repeat("a", repeat("b", ask("text", "q")))))
    writing = RowSetWriting(applying)
    counting = Counting(writing)
    (moved,) = [table.name for table in writing.schema.tables if table.status == "moved"]
    assert counting.differences() == {moved: 2}
    assert counting.located() == ([], [1])
    put(writing, old)
    assert counting.differences() == {}
    assert counting.located() == ([], [])


def test_the_rest_of_a_declared_survey_has_a_row_for_what_is_rejected_too(applying: Applying) -> None:
    engine = applying.engine
    bind(engine, Mirror(KOBO_RECORDS, SURVEY.server, UID))
    applying.apply(survey(MEMBERS, form=KOBO_RECORDS))
    writing = RowSetWriting(applying)
    put(writing, document(1), document(2))
    counting = Counting(writing)
    run_sql(
        engine,
        "UPDATE kobo_submissions SET state = 'rejected' WHERE kobo_id = 2",
        "UPDATE kobo_tallies SET applied = 1, rejected = 1",
    )
    assert counting.root() == TableCount("kobo_records__rest", 2, 2)
    assert counting.located() == ([], [])
    with engine.begin() as connection:  # or the next test would find it
        for name in ("files", "pets", "members", "rest"):
            connection.execute(text(f"DROP TABLE kobo_records__{name}"))
        connection.execute(text("DELETE FROM kobo_tables"))
