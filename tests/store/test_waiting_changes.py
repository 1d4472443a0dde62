"""While tables are changed, or a change waits for those who use them, others wait for a second at most."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from kobo_mirror.database.ddl import changing_tables
from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.postponing import Postponed, apply_or_postpone
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.surveys import V1, Row, ask, repeat, survey
from tests.support.tables import run_sql
from tests.support.waits import meanwhile

MANY = 200_000
BORN = {
    "a column": [*V1, *ask("integer", "height")],
    "a comment": [*V1[:1], *ask("integer", "age", label="How old are you?"), *V1[2:]],
    "a table that refers to it": [*V1, *repeat("pets", ask("text", "called"))],
    "a comment of the table": [*V1[:2], {**V1[2], "label": ["Members"]}, *V1[3:]],
}


@pytest.fixture
def others(on_server: Applying) -> Iterator[Engine]:
    engine = open_engine(on_server.engine.url)
    yield engine
    engine.dispose()


def read(connection: Connection, number: int) -> None:
    query = "SELECT COUNT(*) FROM (SELECT * FROM {} WHERE kobo_id BETWEEN 5 AND 90) some"
    connection.execute(text(query.format("survey__members" if number % 2 else "survey"))).one()


def check_readers(on_server: Applying, others: Engine, born: list[Row], held: str) -> bool:
    """Readers of the form's tables wait for a second at most, while one is idle in a transaction.

    :returns: True if the change was refused.
    """
    on_server.apply(survey(V1))
    run_sql(on_server.engine, "INSERT INTO survey (kobo_id) VALUES (5)")
    impatient = on_server.engine.execution_options(patience=2)
    with others.connect() as idle, meanwhile(others, read) as waits:
        idle.execute(text(f"SELECT COUNT(*) FROM {held}")).one()  # it is held until this one ends
        done = apply_or_postpone(impatient, survey(V1, born), SURVEY, on_server.lease)
    assert waits.longest < 1.5
    if isinstance(done, Postponed):
        assert "is in use by a transaction that stays open. Commit or end that one" in done.sentence
        assert waits.longest > 0.5
        assert waits.done > 3
    assert on_server.apply(survey(V1, born)).schema == survey(V1, born)
    return isinstance(done, Postponed)


def test_a_change_that_waits_lets_readers_through(on_server: Applying, others: Engine) -> None:
    assert check_readers(on_server, others, BORN["a column"], "survey")


@pytest.mark.parametrize("held", ["survey__members", "survey__files"])
def test_a_change_that_waits_for_a_row_below_lets_readers_through(
    on_server: Applying, others: Engine, held: str
) -> None:
    """An ALTER waits for the rows that refer to its table as well, by a time-out of its own."""
    on_server.apply(survey(V1))
    run_sql(on_server.engine, "INSERT INTO survey (kobo_id) VALUES (5)")
    run_sql(on_server.engine, "INSERT INTO survey__members (kobo_id, pos) VALUES (5, 1)")
    impatient = on_server.engine.execution_options(patience=3)
    with others.connect() as busy, meanwhile(others, read) as waits:
        busy.execute(text(f"UPDATE {held} SET kobo_id = kobo_id WHERE kobo_id = 5"))
        apply_or_postpone(impatient, survey(V1, BORN["a column"]), SURVEY, on_server.lease)
    assert waits.longest < 1.5
    assert on_server.apply(survey(V1, BORN["a column"])).schema == survey(V1, BORN["a column"])


def test_each_statement_about_tables_waits_for_a_second_at_most(on_server: Applying) -> None:
    seen: dict[str, set[int]] = {}

    def note(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        words = statement.split()[:2]
        if words[0] in ("CREATE", "ALTER", "DROP"):
            cursor.execute("SELECT @@lock_wait_timeout")
            seen.setdefault(" ".join(words), set()).add(cursor.fetchone()[0])

    event.listen(on_server.engine, "before_cursor_execute", note)
    for born in BORN.values():
        on_server.forget()
        on_server.apply(survey(V1))
        on_server.apply(survey(V1, born))
    seen.pop("DROP TABLE")  # this test's own
    with changing_tables(on_server.engine) as changes:
        changes.drop(physical_tables(survey(V1)).tables["survey__members"])
    event.remove(on_server.engine, "before_cursor_execute", note)
    assert seen == {key: {1} for key in ("CREATE TABLE", "CREATE INDEX", "ALTER TABLE", "DROP TABLE")}
    with on_server.engine.connect() as connection:
        assert connection.scalar(text("SELECT @@lock_wait_timeout")) != 1


@pytest.mark.long
@pytest.mark.parametrize("born", BORN.values(), ids=BORN)
@pytest.mark.parametrize("held", ["survey", "survey__members"])
def test_any_change_that_waits_lets_readers_through(
    on_server: Applying, others: Engine, born: list[Row], held: str
) -> None:
    check_readers(on_server, others, born, held)


@pytest.mark.long
def test_a_safe_change_of_a_large_table_takes_under_a_second(on_server: Applying, others: Engine) -> None:
    texts = ask("text", *(f"question_{number}" for number in range(30)))
    first = [*texts, *repeat("members", ask("text", "who"))]
    on_server.apply(survey(first))
    fill(on_server.engine)
    rows = [
        *texts, *ask("geopoint", "home"), *ask("text", "more"),
        *repeat("members", ask("text", "who"), ask("integer", "age")), *repeat("pets", ask("text", "called")),
    ]  # fmt: skip

    def write(connection: Connection, number: int) -> None:
        change = text("UPDATE survey SET question_3 = :answer WHERE kobo_id = :id")
        connection.execute(change, {"answer": f"answer {number}", "id": number % 80 + 5})

    with meanwhile(others, read) as readers, meanwhile(others, write) as writers:
        time.sleep(0.3)
        began = time.perf_counter()
        done = on_server.apply(survey(first, rows))
        took = time.perf_counter() - began
        time.sleep(0.3)
    assert {born.table for born in done.born} == {"survey", "survey__members", "survey__pets"}
    assert readers.done > 10
    assert writers.done > 10
    print(f"took {took:.2f} s, readers waited {readers.longest:.2f} s, writers {writers.longest:.2f} s")
    assert max(took, readers.longest, writers.longest) < 1


def fill(engine: Engine) -> None:
    """Let the root have many rows, and the repeat as many."""
    run_sql(engine, "INSERT INTO survey (kobo_id, question_1, question_2) VALUES (1, 'an answer', 'another')")
    number = 1
    copied = (
        "INSERT INTO survey (kobo_id, question_1, question_2) SELECT kobo_id + {}, question_1, question_2"
    )
    while number < MANY:
        run_sql(engine, f"{copied.format(number)} FROM survey WHERE kobo_id <= {MANY - number}")
        number *= 2
    run_sql(engine, "INSERT INTO survey__members (kobo_id, pos, who) SELECT kobo_id, 1, 'Ann' FROM survey")
