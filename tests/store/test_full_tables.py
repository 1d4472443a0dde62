"""A table that holds rows and takes no more columns without a copy is left alone: births go to a new part."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from kobo_mirror.errors import FullTableError, TablesRefusedError
from kobo_mirror.store.applying import Applied
from kobo_mirror.store.postponing import Postponed, apply_or_postpone
from kobo_mirror.store.promotion import finish_growth
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.surveys import V1, ask, repeat, survey
from tests.support.tables import created, rows_in, run_sql

BORN = [*V1, *ask("geopoint", "home"), *repeat("pets", ask("text", "called"))]
LATER = [*BORN, *ask("date", "day")]
FACETS = ["home", "home__lat", "home__lon", "home__alt", "home__acc"]
COPIED = "it copies for each change"
FULL = [COPIED, "its rows are as wide as they can be"]


def fill(engine: Engine, full: str = COPIED) -> None:
    """Let the root hold rows, and take no more columns at once."""
    run_sql(engine, "INSERT INTO survey (kobo_id, name) VALUES (1, 'Ann'), (2, 'Ben')")
    if full == COPIED:
        run_sql(engine, "ALTER TABLE survey ROW_FORMAT=COMPRESSED")
        return
    for letters in count(16_383, -4):
        try:
            run_sql(engine, f"ALTER TABLE survey ADD theirs VARCHAR({letters}) CHARACTER SET utf8mb4")
        except DBAPIError:  # 1118
            continue
        break


@pytest.mark.parametrize("full", FULL)
def test_births_go_to_a_new_part_and_the_table_is_not_copied(on_server: Applying, full: str) -> None:
    engine = on_server.engine
    on_server.apply(survey(V1))
    fill(engine, full)
    before, statements = created(engine, "survey"), recorded(engine)
    done = on_server.apply(survey(V1, BORN))
    assert not [one for one in statements if "ALTER TABLE `survey`" in one and "INSTANT" not in one]
    assert {born.table for born in done.born} == {"survey__2", "survey__pets"}
    assert done.schema == on_server.schema
    assert (done.schema.root.closed, done.schema.root.parts) == (1, 2)
    assert created(engine, "survey") == before
    names = [column["name"] for column in inspect(engine).get_columns("survey__2")]
    assert names == ["kobo_id", "pets__rows", *FACETS]
    finish_growth(engine, done.schema, on_server.lease)
    assert [(row["kobo_id"], row["home"], row["pets__rows"]) for row in rows_in(engine, "survey__2")] == [
        (1, None, 0), (2, None, 0),
    ]  # fmt: skip
    assert on_server.apply(done.schema).born == ()


def recorded(engine: Engine) -> list[str]:
    """The statements that are executed from now on."""
    found: list[str] = []

    def note(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    return found


def test_a_table_without_rows_is_copied(on_server: Applying) -> None:
    on_server.apply(survey(V1))
    run_sql(on_server.engine, "ALTER TABLE survey ROW_FORMAT=COMPRESSED")
    done = on_server.apply(survey(V1, BORN))
    assert {born.table for born in done.born} == {"survey", "survey__pets"}
    assert done.schema == survey(V1, BORN)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.long)])
def test_a_process_that_is_killed_leaves_the_next_one_the_new_part(on_server: Applying, step: int) -> None:
    engine, point, outcomes = on_server.engine, CrashPoint(on_server.engine), set()
    for statements in count(0, step):
        on_server.forget()
        on_server.apply(survey(V1))
        fill(engine)
        try:
            with point.crash_after(statements):
                on_server.apply(survey(V1, BORN))
        except Crash:
            assert on_server.stored
            outcomes.add(on_server.stored.intended and on_server.stored.intended.root.closed)
            newest = on_server.stored.newest
            done = on_server.apply(newest if newest and "v2" in newest.versions else survey(V1, BORN))
            assert (done.schema.root.closed, done.schema.root.parts) == (1, 2)
            assert on_server.schema == done.schema
        else:
            break
    assert outcomes == {None, 0, 1}


def test_what_an_earlier_intention_added_stays_where_it_is(on_server: Applying) -> None:
    engine, point = on_server.engine, CrashPoint(on_server.engine)
    on_server.apply(survey(V1))
    with pytest.raises(Crash), point.crash_after(None):
        event.listen(engine, "before_cursor_execute", crash_at_the_repeat)
        on_server.apply(survey(V1, BORN))
    event.remove(engine, "before_cursor_execute", crash_at_the_repeat)
    engine.dispose()
    assert "home" in created(engine, "survey")
    fill(engine)
    done = on_server.apply(survey(V1, BORN, LATER))
    assert {column.name: column.part for column in done.schema.root.columns if column.part > 1} == {"day": 2}
    assert {born.table for born in done.born} == {"survey__2", "survey__pets"}


def crash_at_the_repeat(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
    if "CREATE TABLE survey__pets" in statement:
        raise Crash


def test_a_column_that_rows_have_cannot_go_elsewhere(on_server: Applying) -> None:
    on_server.apply(survey(V1))
    fill(on_server.engine)
    run_sql(on_server.engine, "ALTER TABLE survey DROP COLUMN age")
    with pytest.raises(FullTableError, match="The table survey could not be made or changed"):
        on_server.apply(survey(V1, BORN))
    with pytest.raises(TablesRefusedError):  # nothing to go on with
        apply_or_postpone(on_server.engine, survey(V1, BORN), SURVEY, on_server.lease)


def test_a_comment_that_would_take_a_copy_stays_as_it_is(on_server: Applying) -> None:
    first = [*V1[:1], *ask("integer", "age", label="Age")]
    on_server.apply(survey(first))
    fill(on_server.engine)
    run_sql(on_server.engine, "ALTER TABLE survey MODIFY age INT COMMENT 'Age'")
    schema = survey(first, [*V1[:1], *ask("integer", "age", label="How old?")])
    statements = recorded(on_server.engine)
    assert on_server.apply(schema).schema == schema
    assert re.search(r"`age` int(\(11\))? DEFAULT NULL COMMENT 'Age'", created(on_server.engine, "survey"))
    assert all("INSTANT" in one for one in statements if "MODIFY COLUMN" in one)


def test_what_is_refused_waits_and_rows_go_on_by_the_schema_in_force(on_server: Applying) -> None:
    engine, schema = on_server.engine, survey(V1, BORN)
    on_server.apply(survey(V1))
    run_sql(engine, "INSERT INTO survey (kobo_id) VALUES (1)")
    impatient = engine.execution_options(patience=0.5)
    with engine.connect() as reader:
        reader.execute(text("SELECT COUNT(*) FROM survey")).one()  # the table is held until it ends
        waits = apply_or_postpone(impatient, schema, SURVEY, on_server.lease)
    assert isinstance(waits, Postponed)
    assert "table survey could not be made or changed: it, or a table that" in waits.sentence
    assert on_server.stored
    assert (on_server.schema, on_server.stored.intended) == (survey(V1), schema)
    assert isinstance(apply_or_postpone(impatient, schema, SURVEY, on_server.lease), Applied)
    assert on_server.schema == schema
