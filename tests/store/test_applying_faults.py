"""Tables that are made while processes are killed, others do the same, or tables were lost."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, inspect, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DatabaseError, LeaseError, SchemaError, TablesRefusedError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.applying import apply_schema
from kobo_mirror.store.leases import release_lease, take_lease
from kobo_mirror.store.schema import migrate
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.judging import UID
from tests.support.forms.surveys import V1, V3, ask, survey
from tests.support.processes import apply_one
from tests.support.tables import created, run_sql


def test_a_process_that_is_killed_at_any_moment_leaves_what_the_next_one_finishes(applying: Applying) -> None:
    first, second = survey(V1), survey(V1, V3)
    applying.apply(first)
    applying.apply(second)
    found, catalog = applying.found(), applying.catalog()
    point = CrashPoint(applying.engine)
    for schemas in ((first,), (first, second)):
        for statements in count():
            applying.forget()
            for before in schemas[:-1]:
                applying.apply(before)
            try:
                with point.crash_after(statements):
                    applying.apply(schemas[-1])
            except Crash:
                assert applying.schema in (None, *schemas)
                applying.apply(second)
                assert applying.found() == found, statements
                assert applying.catalog() == catalog, statements
                assert applying.stored
                assert applying.stored.intended is None
                assert {*applying.names()} <= {*inspect(applying.engine).get_table_names()}
            else:
                break
        assert statements > 20


def test_what_was_begun_and_not_made_gives_its_names_back(applying: Applying) -> None:
    begun, other = survey(V1), survey(V1, name="Other")
    point = CrashPoint(applying.engine)
    outcomes = set()
    for statements in count():
        applying.forget()
        try:
            with point.crash_after(statements):
                applying.apply(begun)
        except Crash:
            made = "survey" in inspect(applying.engine).get_table_names()
            try:
                applying.apply(other)
            except SchemaError as problem:
                assert made
                assert "lacks the column survey.submission_time" in str(problem)
                applying.apply(begun)
            else:
                assert not made
                assert sorted(applying.names()) == ["other", "other__files", "other__members"]
            outcomes.add(made)
        else:
            break
    assert outcomes == ({False} if applying.engine.dialect.name == "sqlite" else {False, True})


def test_two_processes_make_the_tables_together(applying: Applying) -> None:
    url = applying.engine.url.render_as_string(hide_password=False)
    schema = survey(V3)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        made = list(processes.map(apply_one, [url] * 2, [schema] * 2, [applying.lease] * 2))
    assert sorted(made) == [0, len(applying.names())]
    assert applying.schema == schema


def test_a_sync_that_has_lost_its_lease_changes_nothing(applying: Applying) -> None:
    release_lease(applying.engine, UID, "a sync")
    take_lease(applying.engine, UID, "another sync")
    with pytest.raises(LeaseError):
        applying.apply(survey(V1))
    assert applying.stored is None
    assert applying.names() == []


def test_a_lease_that_is_lost_while_tables_are_made_stops_the_flip(on_server: Applying) -> None:
    engine = on_server.engine
    other = open_engine(engine.url)

    def take_over(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        if "CREATE TABLE survey__members" in statement:
            run_sql(other, "UPDATE kobo_leases SET fencing_number = fencing_number + 1")

    event.listen(engine, "before_cursor_execute", take_over)
    with pytest.raises(LeaseError):
        on_server.apply(survey(V1))
    event.remove(engine, "before_cursor_execute", take_over)
    assert on_server.schema is None
    other.dispose()


@pytest.mark.parametrize("lost", ["survey", "survey__members", "survey__files"])
def test_a_table_that_was_lost_raises_the_epoch_before_it_is_made_again(
    applying: Applying, lost: str
) -> None:
    schema = survey(V1)
    applying.apply(schema)
    found = applying.found()
    is_file = applying.engine.dialect.name == "sqlite"
    off = [] if is_file else ["SET foreign_key_checks = 0"]
    point = CrashPoint(applying.engine)
    epochs = [applying.epoch]
    for statements in count():
        run_sql(applying.engine, *off, f"DROP TABLE IF EXISTS {lost}")
        before = applying.epoch
        try:
            with point.crash_after(statements):
                done = applying.apply(schema)
        except Crash:
            if lost in inspect(applying.engine).get_table_names():
                assert applying.epoch > before
            epochs.append(applying.epoch)
        else:
            break
    assert (done.lost, done.epoch_rose, done.epoch) == ((lost,), True, applying.epoch)
    assert applying.epoch == before + 1
    assert epochs == sorted(epochs)
    if not is_file:
        run_sql(applying.engine, *off)
    assert applying.found() == found


def test_a_column_that_was_lost_raises_the_epoch_too(applying: Applying) -> None:
    applying.apply(survey(V1))
    if applying.engine.dialect.name == "sqlite":
        run_sql(applying.engine, "DROP TRIGGER survey_updated_at")
    run_sql(applying.engine, "ALTER TABLE survey DROP COLUMN age")
    done = applying.apply(survey(V1))
    assert (done.lost, done.epoch) == (("survey",), 2)
    assert [born.columns for born in done.born] == [("age",)]


def test_a_reader_who_is_slow_delays_a_change_and_does_not_break_it(on_server: Applying) -> None:
    on_server.apply(survey(V1))
    other = open_engine(on_server.engine.url)
    with other.connect() as reader:
        reader.execute(text("SELECT COUNT(*) FROM survey")).one()  # the table is held until it ends
        impatient = on_server.engine.execution_options(patience=0.5)
        with pytest.raises(
            TablesRefusedError, match=r"survey could not .* is in use by a transaction that stays"
        ):
            apply_schema(impatient, _with_height(), SURVEY, on_server.lease)
        assert on_server.schema == survey(V1)
    other.dispose()
    assert on_server.apply(_with_height()).born[0].columns == ("height",)


def test_a_change_waits_for_those_who_write_by_the_schema_before(on_server: Applying) -> None:
    on_server.apply(survey(V1))
    impatient = open_engine(on_server.engine.url, patience=1)
    with on_server.engine.connect() as writer:
        writer.execute(text("SELECT epoch FROM kobo_forms WHERE form_table = 'survey' LOCK IN SHARE MODE"))
        with pytest.raises(DatabaseError, match="it kept a lock for too long"):
            apply_schema(impatient, _with_height(), SURVEY, on_server.lease)
        assert on_server.schema == survey(V1)
    assert apply_schema(impatient, _with_height(), SURVEY, on_server.lease).born[0].columns == ("height",)
    impatient.dispose()


def _with_height() -> FormSchema:
    return survey(V1, [*V1, *ask("integer", "height")])


def test_a_schema_with_more_columns_than_a_table_takes_is_refused(applying: Applying) -> None:
    fits = survey(ask("text", *(f"q{number}" for number in range(2100))))
    root = replace(fits.root, columns=tuple(replace(column, part=1) for column in fits.root.columns))
    too_wide = replace(fits, tables=(root, *fits.tables[1:]))
    with pytest.raises(TablesRefusedError, match=r"The table survey could not be made .* columns"):
        applying.apply(too_wide)
    assert applying.schema is None
    assert "survey" not in inspect(applying.engine).get_table_names()
    applying.apply(survey(V1))
    assert sorted(applying.names()) == ["survey", "survey__files", "survey__members"]


def test_rows_that_would_be_too_large_are_refused(on_server: Applying) -> None:
    questions = [{"type": "select_one yn", "name": f"q{number}"} for number in range(400)]
    fits = survey(questions)
    root = replace(fits.root, columns=tuple(replace(column, part=1) for column in fits.root.columns))
    with pytest.raises(TablesRefusedError, match=r"The table survey could not be .*: a row is too large"):
        on_server.apply(replace(fits, tables=(root, *fits.tables[1:])))
    assert "survey" not in inspect(on_server.engine).get_table_names()


def test_a_disk_that_is_full_is_told_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'mirror.sqlite'}")
    migrate(engine, KOBO_RECORDS)
    applying = Applying(engine)
    before = created(engine, "kobo_records")

    def fill_the_disk(connection: Connection) -> None:
        if is_full:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")

    is_full = True
    event.listen(engine, "begin", fill_the_disk)
    with pytest.raises(TablesRefusedError, match="'database or disk is full': make room on its disk"):
        applying.apply(survey(V3))
    is_full = False
    engine.dispose()
    assert applying.stored is None
    assert "survey" not in inspect(engine).get_table_names()
    applying.apply(survey(V3))
    assert applying.schema == survey(V3)
    assert created(engine, "kobo_records") == before
    engine.dispose()
