"""Row sets are read back as they were written, and whatever is changed in any table is seen."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from kobo_mirror.database.engine import snapshot
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.row_set_reads import RowSetReads
from tests.support.drivers import DRIVERS
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, document, put
from tests.support.forms.row_set_reading import Damaging, as_written, read
from tests.support.forms.row_set_writing import RowSetWriting, forget
from tests.support.forms.surveys import ask, group, repeat, survey
from tests.support.tables import run_sql

FORM = [
    *MEMBERS,
    *ask("date", "day"),
    *ask("time", "hour"),
    *ask("dateTime", "moment"),
    *ask("decimal", "weight"),
    *ask("acknowledge", "agreed"),
    *ask("geopoint", "spot"),
    *ask("text", *(f"t{n}" for n in range(200))),
    *repeat("visits", ask("text", *(f"q{n}" for n in range(300)))),
]
IDS = range(1, 8)
ANSWERS = {
    "age": "5", "day": "2026-01-02", "hour": "01:00:00.120+03:00", "moment": "2026-01-02T03:04:05.006Z",
    "weight": "0.1", "agreed": "OK", "spot": "1.5 2.5 3 4", "t198": "last", "t199": "Ünï 🌱",
    "visits": [{"visits/q1": "a", "visits/q250": "b"}, {}], "_submission_time": "2026-02-03T04:05:06",
}  # fmt: skip


def answered(kobo_id: int) -> dict[str, Any]:
    document_of = document(kobo_id, **ANSWERS)
    document_of["members"][0] |= {"members/born": "no day"}
    document_of["members"][1] |= {"members/born": "2020-02-29", "members/pets/pet": "p"}
    return document_of


@pytest.fixture
def writing(applying: Applying) -> RowSetWriting:
    """Seven submissions of a form whose root and one of whose repeats have two parts."""
    applying.apply(survey(FORM))
    made = RowSetWriting(applying)
    put(made, *map(answered, IDS))
    return made


REJECTED = "kobo_rejected_cells"
_CELL = "asset_uid, kobo_id, key_hash, table_name, pos, column_name, path, value, reason"
_NEW_CELL = f"INSERT INTO {REJECTED} ({_CELL})"
SEEN = (
    "UPDATE survey SET name = 'ann'",
    "UPDATE survey SET name = 'Ann '",
    "UPDATE survey SET name = NULL",
    "UPDATE survey SET name = ''",
    "UPDATE survey SET age = 6",
    "UPDATE survey SET day = '2026-01-03'",
    "UPDATE survey SET hour = '01:00:00.121000'",
    "UPDATE survey SET hour = '01:00:00.000000'",
    "UPDATE survey SET hour__offset = 0",
    "UPDATE survey SET moment = '2026-01-02 03:04:05.007000'",
    "UPDATE survey SET moment = '2026-01-02 03:04:05.000000'",
    "UPDATE survey SET weight = 0.10000000000000002",
    "UPDATE survey SET agreed = 0",
    "UPDATE survey SET agreed = 2",
    "UPDATE survey SET spot__lat = 1.5000000000000002",
    "UPDATE survey SET spot__acc = NULL",
    "UPDATE survey SET extra = NULL",
    "UPDATE survey SET extra = '{}'",
    "UPDATE survey SET submission_time = NULL",
    "UPDATE survey SET members__rows = 3",
    "UPDATE survey SET members__rows = 1",
    "UPDATE survey SET members__rows = -1",
    "UPDATE survey SET members__rows = 2147483647",
    "DELETE FROM survey",
    "UPDATE survey__2 SET t198 = 'Last'",
    "UPDATE survey__2 SET t197 = ''",
    "DELETE FROM survey__2",
    "UPDATE survey__members SET who = 'x' WHERE pos = 2",
    "UPDATE survey__members SET born = '2020-02-28' WHERE pos = 2",
    "UPDATE survey__members SET extra = '{}' WHERE pos = 1",
    "UPDATE survey__members SET pets__rows = 0 WHERE pos = 1",
    "UPDATE survey__members SET pos = 3 WHERE pos = 2",
    "UPDATE survey__members SET pos = 0 WHERE pos = 1",
    "DELETE FROM survey__members WHERE pos = 1",
    "DELETE FROM survey__members WHERE pos = 2",
    "DELETE FROM survey__members",
    "UPDATE survey__pets SET pet = 'x' WHERE pos_1 = 2",
    "UPDATE survey__pets SET pos = 2 WHERE pos_1 = 2",
    "UPDATE survey__pets SET pos_1 = 3 WHERE pos_1 = 2",
    "DELETE FROM survey__pets WHERE pos_1 = 1",
    "UPDATE survey__visits SET q1 = 'A' WHERE pos = 1",
    "UPDATE survey__visits__2 SET q250 = NULL WHERE pos = 1",
    "UPDATE survey__visits__2 SET pos = 3 WHERE pos = 2",
    "DELETE FROM survey__visits__2 WHERE pos = 2",
    "DELETE FROM survey__visits WHERE pos = 2",
    "UPDATE survey__files SET uid = 'other'",
    "UPDATE survey__files SET table_name = 'survey__members'",
    "UPDATE survey__files SET pos = '1'",
    "UPDATE survey__files SET is_deleted = 1",
    "UPDATE survey__files SET matched = 'guess'",
    "UPDATE survey__files SET mime_type = NULL",
    "DELETE FROM survey__files",
    f"UPDATE {REJECTED} SET value = 'No day'",
    f"UPDATE {REJECTED} SET reason = 'x'",
    f"UPDATE {REJECTED} SET pos = '2'",
    f"DELETE FROM {REJECTED}",
)
"""What is done to the rows of one submission."""
ADDED = (
    "INSERT INTO survey__members (kobo_id, pos) VALUES ({id}, 3)",
    "INSERT INTO survey__pets (kobo_id, pos_1, pos) VALUES ({id}, 1, 2)",
    "INSERT INTO survey__pets (kobo_id, pos_1, pos) VALUES ({id}, 9, 1)",
    "INSERT INTO survey__visits__2 (kobo_id, pos) VALUES ({id}, 3)",
    "INSERT INTO survey__files (kobo_id, uid, matched) VALUES ({id}, 'new', 'none')",
    f"{_NEW_CELL} VALUES ('{UID}', {{id}}, 'x', 'survey', '', 'name', 'name', 'x', 'y')",
)
"""What is added to one submission, or stands alone."""
UNSEEN = (
    "UPDATE survey SET updated_at = '2001-02-03 04:05:06.000000'",
    "UPDATE survey SET inserted_at = '2001-02-03 04:05:06.000000'",
    "UPDATE survey__files SET question_xpath = 'elsewhere'",
    f"{_NEW_CELL} VALUES ('another form', {{id}}, 'x', 'survey', '', 'name', 'name', 'x', 'y')",
)
"""What is in no digest."""
OF_SERVERS = ("UPDATE survey SET hour = '25:00:00.120'", "UPDATE survey SET hour = '-23:00:00.120'")
OF_FILES = (
    "UPDATE survey SET moment = '2026-01-02T03:04:05.006'",
    "UPDATE survey SET hour = '1 am'",
    "UPDATE survey SET day = 'never'",
    "UPDATE survey SET agreed = 'OK'",
    "UPDATE survey SET weight = 'heavy'",
    "UPDATE survey SET name = x'416e6e'",
    f"UPDATE {REJECTED} SET value = x'00'",
)
"""What only one kind of database takes."""


def test_row_sets_are_read_as_they_were_written(writing: RowSetWriting) -> None:
    found = read(writing)
    assert found == as_written(writing.shape(*map(answered, IDS)))
    assert len({one.digest for one in found.values()}) == len(IDS)
    with snapshot(writing.engine) as connection:
        reads = RowSetReads(writing.schema)
        assert [*reads.between(connection, 2, 5)] == [3, 4, 5]
        assert [*reads.of(connection, [6, 2])] == [2, 6]
        assert reads.of(connection, []) == {}


def test_whatever_is_changed_in_any_table_is_seen(writing: RowSetWriting) -> None:
    damaging = Damaging(writing)
    of_this = OF_FILES if writing.engine.dialect.name == "sqlite" else OF_SERVERS
    for statement in (*SEEN, *ADDED, *of_this):
        assert [*damaging.after(statement, 4)] == [4], statement
    assert damaging.before == read(writing)


@pytest.mark.parametrize("statement", [*ADDED, "INSERT INTO survey__2 (kobo_id) VALUES ({id})"])
def test_rows_of_no_submission_are_seen(writing: RowSetWriting, statement: str) -> None:
    found = Damaging(writing).after(statement, 99)
    assert [*found] == [99]
    assert not found[99].is_whole


def test_a_row_of_the_root_alone_is_a_submission_without_its_part(writing: RowSetWriting) -> None:
    found = Damaging(writing).after("INSERT INTO survey (kobo_id) VALUES (99)", 99)
    assert [*found] == [99]
    assert not found[99].is_whole


def test_what_is_in_no_digest_is_no_difference(writing: RowSetWriting) -> None:
    damaging = Damaging(writing)
    for statement in UNSEEN:
        assert damaging.after(statement, 4) == {}, statement


def test_a_column_that_is_born_changes_nothing(applying: Applying, writing: RowSetWriting) -> None:
    before = read(writing)
    applying.apply(survey(FORM, [*FORM, *ask("text", "born"), *repeat("more", ask("text", "m"))]))
    assert read(RowSetWriting(applying)) == before


def test_a_part_may_say_how_many_rows_a_repeat_has(applying: Applying) -> None:
    numbers = ask("integer", *(f"n{n}" for n in range(900)))
    applying.apply(survey(numbers, [*numbers, *repeat("r", ask("text", "q"))]))
    writing = RowSetWriting(applying)
    (part,) = [column.part for column in writing.schema.root.columns if column.facet == "rows"]
    assert part == 2
    documents: list[dict[str, Any]] = [{"_id": 1, "r": [{}, {"r/q": "x"}]}, {"_id": 2, "n899": "5"}]
    put(writing, *documents)
    assert read(writing) == as_written(writing.shape(*documents))
    found = Damaging(writing).after("UPDATE survey__2 SET r__rows = 3", 1)
    assert {i: one.is_whole for i, one in found.items()} == {1: False}


def test_what_was_moved_is_to_be_empty(applying: Applying) -> None:
    before = group("a", ask("text", "t"), repeat("b", ask("text", "q")))
    after = repeat("a", ask("text", "t"), repeat("b", ask("text", "q")))
    applying.apply(survey(before))
    old: dict[str, Any] = {"_id": 1, "a/t": "z", "a/b": [{"a/b/q": "x"}, {"a/b/q": "y"}]}
    put(RowSetWriting(applying), old, {"_id": 2})
    applying.apply(survey(before, after))
    writing = RowSetWriting(applying)
    found = read(writing)
    assert [one.is_whole for one in found.values()] == [False, True]
    put(writing, old)
    assert read(writing) == as_written(writing.shape(old, {"_id": 2}))
    damaging = Damaging(writing)
    (moved,) = [table.name for table in writing.schema.tables if table.status == "moved"]
    columns = [column.name for column in writing.schema.root.columns if column.status == "moved"]
    assert len(columns) == 2
    statements = [f"INSERT INTO {moved} (kobo_id, pos) VALUES ({{id}}, 1)"]
    statements += [f"UPDATE survey SET {name} = 1" for name in columns]
    for statement in statements:
        assert {i: one.is_whole for i, one in damaging.after(statement, 2).items()} == {2: False}, statement
    assert {i: one.is_whole for i, one in damaging.after(statements[0], 3).items()} == {3: False}


def test_the_rest_of_a_declared_survey_is_read(applying: Applying) -> None:
    engine = applying.engine
    bind(engine, Mirror(KOBO_RECORDS, SURVEY.server, UID))
    applying.apply(survey(MEMBERS, form=KOBO_RECORDS))
    writing = RowSetWriting(applying)
    put(writing, document(1), document(2))
    assert read(writing) == as_written(writing.shape(document(1), document(2)))
    run_sql(engine, "UPDATE kobo_records__members SET who = 'x' WHERE kobo_id = 2 AND pos = 1")
    assert [i for i, one in read(writing).items() if one != as_written(writing.shape(document(i)))[i]] == [2]
    with engine.begin() as connection:  # or the next test would find it
        for name in ("files", "pets", "members", "rest"):
            connection.execute(text(f"DROP TABLE kobo_records__{name}"))
        connection.execute(text("DELETE FROM kobo_tables"))


@pytest.mark.parametrize("server_engine", DRIVERS[:1], indirect=True)  # plans are the server's
def test_each_table_is_walked_by_its_key(server_engine: Engine) -> None:
    applying = Applying(server_engine)
    try:
        applying.apply(survey(MEMBERS))
        writing = RowSetWriting(applying)
        put(writing, *(document(i) for i in range(1, 1001)))
        tables = [*applying.names(), REJECTED]
        run_sql(server_engine, f"ANALYZE TABLE {', '.join(tables)}")
        reads = RowSetReads(writing.schema)
        with server_engine.connect() as connection:
            plans = plans_of(connection, lambda: reads.between(connection, 100, 200))
            plans += plans_of(connection, lambda: reads.between(connection, 900, None))
            plans += plans_of(connection, lambda: reads.of(connection, range(1, 1000, 10)))
        assert len(plans) == 3 * len(tables)
        assert {(plan["type"], plan["key"], "filesort" in (plan["Extra"] or "")) for plan in plans} == {
            ("range", "PRIMARY", False)
        }
    finally:
        forget(applying)


def plans_of(connection: Connection, work: Any) -> list[Any]:
    """How the server finds the rows of each statement that is sent."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    work()
    event.remove(connection, "before_cursor_execute", note)
    explained = (connection.exec_driver_sql(f"EXPLAIN {query}", values) for query, values in sent)
    return [dict(plan) for result in explained for plan in result.mappings()]
