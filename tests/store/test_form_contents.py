"""What is in the tables of a form is told by its catalog: tables with their rows, and rejected cells."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import rejected_cells as rejected_cells_module
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.catalog import claim
from kobo_mirror.store.form_contents import TableSummary, tables_of
from kobo_mirror.store.rejected_cells import (
    CellPlace,
    ColumnShare,
    RejectedCellRow,
    rejected_cells,
    rejected_cells_by_column,
    rejected_shares,
)
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, document, put
from tests.support.forms.row_set_writing import RowSetWriting, messages
from tests.support.forms.surveys import ask, repeat, survey
from tests.support.tables import run_sql

OTHER = "aOtherForm00000000001"
WIDE = [
    *ask("integer", "age", label="How old?"),
    *repeat("visits", ask("text", *(f"q{n}" for n in range(300))), ask("date", "day")),
    *MEMBERS[:1],
    *MEMBERS[2:],
]


@pytest.fixture
def writing(applying: Applying) -> RowSetWriting:
    """A form whose tables are in another order by name than in the form, and two submissions of it."""
    applying.apply(survey(WIDE))
    made = RowSetWriting(applying)
    put(made, document(1, visits=[{"visits/day": "soon"}, {"visits/day": "late"}]), document(2))
    return made


def read(engine: Engine, what: Any, *args: Any, **options: Any) -> Any:
    with reading(engine) as connection:
        return what(connection, *args, **options)


def counted(engine: Engine, asset_uid: str = UID) -> list[tuple[str, str, int | None]]:
    return [(one.name, one.kind, one.rows) for one in read(engine, tables_of, asset_uid)]


def test_tables_stand_in_reading_order_with_parts_folded_into_them(writing: RowSetWriting) -> None:
    assert counted(writing.engine) == [
        ("survey", "main", 2),
        ("survey__visits", "repeat", 2),
        ("survey__members", "repeat", 4),
        ("survey__pets", "repeat", 4),
        ("survey__files", "files", 2),
    ]
    assert counted(writing.engine, OTHER) == []
    assert "survey__visits__2" in {write.table.name for write in writing.writes.writes}


def test_a_repeat_is_told_by_its_path_and_label_and_by_what_became_of_it(applying: Applying) -> None:
    labelled = [
        {"type": "begin_repeat", "name": "a", "label": ["Who?"]},
        *ask("text", "q"),
        {"type": "end_repeat"},
    ]
    applying.apply(survey(labelled, ask("text", "p")))
    told = {one.name: one for one in read(applying.engine, tables_of, UID)}
    assert told["survey__a"] == TableSummary("survey__a", "repeat", "a", "Who?", "removed", 0)


def test_all_tables_are_counted_in_one_statement(writing: RowSetWriting) -> None:
    with writing.engine.connect() as connection, messages(writing.engine) as sent:
        tables_of(connection, UID)
    counting = [statement for statement in sent if statement.casefold().count("count(") > 1]
    assert len(counting) == 1


def test_a_table_that_is_not_there_has_no_number_and_the_others_have_theirs(writing: RowSetWriting) -> None:
    run_sql(writing.engine, "DROP TABLE survey__pets")
    rows = {name: number for name, _, number in counted(writing.engine)}
    assert (rows["survey__pets"], rows["survey__members"]) == (None, 4)
    run_sql(writing.engine, "UPDATE kobo_rejected_cells SET table_name = 'survey__pets' WHERE kobo_id = 1")
    assert [share.table for share in read(writing.engine, rejected_shares, UID)] == ["survey"]


def test_a_form_table_without_a_catalog_is_alone(engine: Engine) -> None:
    bind(engine, Mirror(KOBO_RECORDS, SURVEY.server, UID))
    assert counted(engine) == [("kobo_records", "declared", 0)]
    assert read(engine, rejected_cells_by_column, UID) == []


def test_tables_that_are_only_intended_are_not_shown(engine: Engine) -> None:
    bind(engine, Mirror(KOBO_RECORDS, SURVEY.server, UID))
    with engine.begin() as connection:
        claim(connection, survey(MEMBERS, form=KOBO_RECORDS))
    assert counted(engine) == [("kobo_records", "declared", 0)]
    assert read(engine, tables_of, UID)[0].status == "active"


def test_the_rest_of_a_declared_survey_stands_beside_it(applying: Applying) -> None:
    bind(applying.engine, Mirror(KOBO_RECORDS, SURVEY.server, UID))
    applying.apply(survey(MEMBERS, form=KOBO_RECORDS))
    writing = RowSetWriting(applying)
    put(writing, document(1), document(2))
    assert counted(applying.engine) == [
        ("kobo_records", "declared", 0),
        ("kobo_records__rest", "rest", 2),
        ("kobo_records__members", "repeat", 4),
        ("kobo_records__pets", "repeat", 4),
        ("kobo_records__files", "files", 2),
    ]
    run_sql(
        applying.engine,
        "UPDATE kobo_submissions SET state = 'rejected'",
        "UPDATE kobo_tallies SET applied = 0, rejected = 2",
    )
    assert read(applying.engine, rejected_shares, UID) == [ColumnShare("kobo_records__rest", "age", 2, 2)]
    run_sql(
        applying.engine,
        *(f"DROP TABLE kobo_records__{name}" for name in ("files", "pets", "members", "rest")),
        "DELETE FROM kobo_tables WHERE table_name <> 'kobo_records'",
    )
    applying.engine.dispose()
    run_sql(applying.engine, "DELETE FROM kobo_tables", "DELETE FROM kobo_rejected_cells")


def test_rejected_cells_are_counted_by_column(writing: RowSetWriting) -> None:
    found = read(writing.engine, rejected_cells_by_column, UID)
    assert [(one.table, one.column, one.cells, one.submissions) for one in found] == [
        ("survey", "age", 2, 2),
        ("survey__visits__2", "day", 2, 1),
    ]
    age, day = found
    assert (age.path, age.label, age.home, age.home_kind) == ("age", "How old?", "survey", "main")
    assert (day.path, day.label, day.home, day.home_kind) == ("visits/day", None, "survey__visits", "repeat")
    assert read(writing.engine, rejected_cells_by_column, OTHER) == []


def test_what_the_catalog_lacks_is_counted_too(writing: RowSetWriting) -> None:
    run_sql(writing.engine, "DELETE FROM kobo_columns", "DELETE FROM kobo_tables")
    age, *_ = read(writing.engine, rejected_cells_by_column, UID)
    assert (age.cells, age.path, age.label, age.home_kind) == (2, "", None, None)
    assert [row.label for row in read(writing.engine, rejected_cells, UID, limit=9)] == [None] * 4
    assert {share.table: share.rows for share in read(writing.engine, rejected_shares, UID)} == {
        "survey": 2,
        "survey__visits__2": 2,
    }
    run_sql(
        writing.engine, "DROP TABLE survey__files", "DROP TABLE survey__pets", "DROP TABLE survey__members"
    )
    run_sql(writing.engine, "DROP TABLE survey__visits__2", "DROP TABLE survey__visits", "DROP TABLE survey")


def place(cell: RejectedCellRow) -> tuple[int, str, str, str]:
    return cell.kobo_id, cell.table, cell.pos, cell.column


ALL = {
    (1, "survey", "", "age"),
    (1, "survey__visits__2", "1", "day"),
    (1, "survey__visits__2", "2", "day"),
    (2, "survey", "", "age"),
}


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
def test_rejected_cells_are_read_in_pages(writing: RowSetWriting, limit: int) -> None:
    seen: list[RejectedCellRow] = []
    after: CellPlace | None = None
    while page := read(writing.engine, rejected_cells, UID, after=after, limit=limit):
        assert len(page) <= limit
        seen += page
        after = page[-1].place
    assert [cell.kobo_id for cell in seen] == [1, 1, 1, 2]
    assert len(seen) == len(ALL)
    assert {place(cell) for cell in seen} == ALL
    assert read(writing.engine, rejected_cells, OTHER, limit=9) == []


def test_a_rejected_cell_has_its_question_and_only_when_asked_for_its_answer(writing: RowSetWriting) -> None:
    def cell(shown: int) -> RejectedCellRow:
        found = read(writing.engine, rejected_cells, UID, limit=9, shown=shown)
        return next(one for one in found if place(one) == (2, "survey", "", "age"))

    told = cell(0)
    assert (told.path, told.label, told.kind, told.value) == ("age", "How old?", "integer", None)
    assert told.reason == "is not a whole number of at most 19 digits"
    assert (cell(99).value, cell(3).value) == ("young", "you")


def _with_rows(writing: RowSetWriting, rows: int) -> None:
    put(writing, *(document(i, age="7", members=[]) for i in range(10, 10 + rows)))


def test_the_share_of_a_root_is_of_its_submissions(writing: RowSetWriting) -> None:
    _with_rows(writing, 197)
    assert ColumnShare("survey", "age", 2, 199) in read(writing.engine, rejected_shares, UID)
    put(writing, document(500, age="7"))
    assert "age" not in {share.column for share in read(writing.engine, rejected_shares, UID)}
    put(writing, document(501, age="old"))
    assert ColumnShare("survey", "age", 3, 201) in read(writing.engine, rejected_shares, UID)


def test_the_share_in_a_part_is_of_the_rows_of_its_table(writing: RowSetWriting) -> None:
    shares = read(writing.engine, rejected_shares, UID)
    assert shares == [ColumnShare("survey", "age", 2, 2), ColumnShare("survey__visits__2", "day", 2, 2)]
    put(writing, document(3, age="1", visits=[{}] * 197))
    assert ColumnShare("survey__visits__2", "day", 2, 199) in read(writing.engine, rejected_shares, UID)
    put(writing, document(4, age="1", visits=[{}]))
    assert "day" not in {share.column for share in read(writing.engine, rejected_shares, UID)}


def test_no_more_rows_are_counted_than_decide(
    writing: RowSetWriting, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(writing, document(3, age="1", visits=[{}] * 500))
    asked: list[tuple[str, int]] = []
    counted_up_to = rejected_cells_module._count_up_to

    def count(name: str, number: int) -> Any:
        asked.append((name, number))
        return counted_up_to(name, number)

    monkeypatch.setattr(rejected_cells_module, "_count_up_to", count)
    read(writing.engine, rejected_shares, UID)
    assert asked == [("survey__visits", 200)]


def test_the_column_with_the_highest_share_is_first(writing: RowSetWriting) -> None:
    put(writing, *(document(i, age="7") for i in range(3, 20)))
    first, *_ = read(writing.engine, rejected_shares, UID)
    assert (first.table, first.column) == ("survey__visits__2", "day")


def test_without_rejected_cells_one_statement_tells_so(applying: Applying) -> None:
    applying.apply(survey(MEMBERS))
    with applying.engine.connect() as connection, messages(applying.engine) as sent:
        assert rejected_shares(connection, UID) == []
    assert len(sent) == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # a server's plans go by the sizes of tables
def test_rejected_cells_are_read_by_key(writing: RowSetWriting) -> None:
    with writing.engine.connect() as connection, messages(writing.engine) as sent:
        rejected_cells(connection, UID, after=CellPlace(1, b"\0" * 16), limit=2, shown=9)
        rejected_cells_by_column(connection, UID)
    assert len(sent) == 2
    with writing.engine.connect() as connection:
        for statement in sent:
            explain, places = f"EXPLAIN QUERY PLAN {statement}", ("1",) * statement.count("?")
            plan = " ".join(str(row) for row in connection.exec_driver_sql(explain, places))
            assert "SEARCH kobo_rejected_cells USING" in plan
            assert "SCAN kobo_" not in plan
