"""The states of all forms at once are those of each form, in a number of statements that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, insert, select, update

from kobo_mirror.database.engine import clock, reading, transact
from kobo_mirror.errors import KoboMirrorError, MissingTablesError, SchemaError, ServerError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.plan import Plan
from kobo_mirror.store import dead_letters, failed_runs, runs
from kobo_mirror.store.catalog_tables import plans, rejected_cells
from kobo_mirror.store.codes import code_for
from kobo_mirror.store.overview import MirrorState, read_state
from kobo_mirror.store.overview_of_all import read_states
from kobo_mirror.store.plans import note_open
from kobo_mirror.store.refetch_queue import FAILED_DELIVERY, enqueue
from kobo_mirror.store.registrations import Remembered, remember
from kobo_mirror.store.tables import forms, leases, sync_runs
from tests.page.test_plans import MOVE, NEW
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, document, put
from tests.support.forms.row_set_writing import RowSetWriting
from tests.support.forms.surveys import survey
from tests.support.many_forms import add_forms, key_of, table_of
from tests.support.submissions import ASSET, submission
from tests.support.tables import run_sql
from tests.support.writing import Writing


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def states(engine: Engine) -> dict[str, MirrorState | SchemaError]:
    with reading(engine) as connection:
        return read_states(connection, KOBO_RECORDS)


def states_one_by_one(engine: Engine, keys: list[str], moment: Any) -> dict[str, MirrorState]:
    with reading(engine) as connection:
        return {key: replace(read_state(connection, KOBO_RECORDS, key), moment=moment) for key in keys}


def unwell(engine: Engine) -> None:
    """Something of everything, of a form that has the declared table, a derived one and some others."""
    writing = Writing(engine)
    writing.pull(*(submission(i) for i in range(1, 8)), submission(8, age="x"))
    applying = Applying(engine)
    applying.apply(survey(MEMBERS))
    put(RowSetWriting(applying), *(document(i) for i in range(1, 120)))
    add_forms(engine, 9)
    error = ServerError("It is busy.")

    def work(connection: Any) -> None:
        run = runs.open_run(connection, key_of(1), "sync", "incremental", None)
        runs.note_findings(connection, run, {"history_gap": True, "sees_part": True, "count_difference": 2})
        runs.finish_run(connection, run)
        failed = runs.open_run(connection, key_of(1), "sync", "exact", None)
        runs.note_error(connection, failed, error)
        runs.finish_run(connection, failed)
        runs.open_run(connection, key_of(1), "sync open", "exact", None)
        failed_runs.note_failed_verification(connection, key_of(2), "verify", error)
        failed_runs.note_not_started(connection, key_of(3), "sync", error)
        runs.open_run(connection, key_of(8), "old", "usual", None)
        read_weekly = update(forms).where(forms.c.asset_uid == key_of(8))
        connection.execute(read_weekly.values(round_schedule="@hourly", own_schedule="@weekly"))
        runs.open_run(connection, key_of(4), "repair", runs.REPAIR, None)
        for ids in ([5, 6], [5, 6, 7]):
            code_for(connection, key_of(5), ids)
        enqueue(connection, key_of(5), [1, 2], "moved")
        enqueue(connection, key_of(5), [3], FAILED_DELIVERY)
        note_open(connection, key_of(6), Plan((NEW,), ()), "additive")
        note_open(connection, key_of(6), Plan((MOVE,), ()), "additive")
        cells = {"key_hash": bytes(16), "pos": "", "column_name": "c", "path": "q", "value": "x"}
        for number, name in ((7, table_of(7)), (8, "gone")):
            values = {"asset_uid": key_of(number), "kobo_id": 1, "table_name": name, "reason": "y"}
            connection.execute(insert(rejected_cells).values(**cells, **values))
        connection.execute(insert(leases).values(asset_uid=key_of(9), holder="sync", fencing_number=1))
        # The clock was set back: the run with the lower id has finished later.
        later = clock(engine) + timedelta(hours=1)
        oldest = sync_runs.c.id.in_([first_run(connection, key_of(9))])
        connection.execute(update(sync_runs).where(oldest).values(finished_at=later))

    transact(engine, work)
    for asset in (key_of(1), None, "aOther"):
        dead_letters.keep(engine, body=b"{", source="webhook", reason="no", asset_uid=asset)
    for number in (1, 2):
        remember(engine, key_of(number), Remembered("rest_service", "https://mirror.test", "h", "0" * 16))


def first_run(connection: Any, key: str) -> int:
    mine = select(func.min(sync_runs.c.id)).where(sync_runs.c.asset_uid == key)
    return int(connection.execute(mine).scalar_one())


def test_the_states_of_all_are_those_of_each(engine: Engine) -> None:
    unwell(engine)
    found = states(engine)
    assert found.keys() == {ASSET, UID, *(key_of(n) for n in range(1, 10))}
    (moment,) = {state.moment for state in found.values() if isinstance(state, MirrorState)}
    assert found == states_one_by_one(engine, list(found), moment)
    assert (
        len({repr(replace(state, applied=0)) for state in found.values() if isinstance(state, MirrorState)})
        == 11
    )


def test_the_number_of_statements_is_that_of_one_form(engine: Engine) -> None:
    unwell(engine)
    with counting(engine) as few:
        states(engine)
    add_forms(engine, 30, first=100)
    with counting(engine) as many:
        assert len(states(engine)) == 41
    assert len(many) == len(few) < 30
    assert not [one for one in many if "kobo_submissions" in one]


def test_a_form_that_cannot_be_read_does_not_hide_the_others(engine: Engine) -> None:
    add_forms(engine, 3, made=2)
    run_sql(engine, f"DROP TABLE {table_of(2)}__r1")
    transact(engine, lambda connection: note_open(connection, key_of(3), Plan((MOVE,), ()), "additive"))
    transact(engine, lambda connection: connection.execute(update(plans).values(steps="[{")))
    found = states(engine)
    assert isinstance(found[key_of(1)], MirrorState)
    assert isinstance(found[key_of(2)], MissingTablesError)
    assert f"(missing: {table_of(2)}__r1)" in str(found[key_of(2)])
    with reading(engine) as connection, pytest.raises(SchemaError) as told:
        read_state(connection, KOBO_RECORDS, key_of(3))
    assert isinstance(found[key_of(3)], KoboMirrorError)
    assert str(found[key_of(3)]) == str(told.value)
