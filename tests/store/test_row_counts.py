"""Rows that are missing or extra by the ledger, and totals beside writers at work."""

from __future__ import annotations

import threading
from itertools import product

import pytest
from sqlalchemy import Connection, Engine, delete, update

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.form_locks import hold_form
from kobo_mirror.store.row_counts import correct_totals, misplaced_declared
from kobo_mirror.store.tables import form_table, submissions, tallies
from kobo_mirror.store.totals import totals
from tests.support.submissions import ASSET, MIRROR, submission
from tests.support.writing import Writing

STATES = ("applied", "rejected", "deleted", "nothing", "of another form")
CASES = dict(enumerate(product(STATES, (True, False), (1, 2)), start=1))
"""For each ``_id`` what the ledger says, and whether there is a row; each case twice."""


def plant(connection: Connection) -> None:
    form = form_table(KOBO_RECORDS)
    for kobo_id, (state, has_row, _) in CASES.items():
        mine = submissions.c.kobo_id == kobo_id
        if state == "nothing":
            connection.execute(delete(submissions).where(mine))
        elif state == "of another form":
            connection.execute(update(submissions).where(mine).values(asset_uid="aOther000000000000001"))
        else:
            connection.execute(update(submissions).where(mine).values(state=state))
        if not has_row:
            connection.execute(delete(form).where(form.c.kobo_id == kobo_id))


@pytest.mark.parametrize("limit", [1, 3, 249])
def test_every_row_that_is_missing_or_should_not_be_there_is_found(engine: Engine, limit: int) -> None:
    Writing(engine).pull(*map(submission, CASES))
    transact(engine, plant)
    found: list[int] = []
    with reading(engine) as connection:
        while ids := misplaced_declared(connection, MIRROR, after=max(found, default=0), limit=limit):
            assert len(ids) <= limit
            found += ids
    assert found == [i for i, (state, has_row, _) in CASES.items() if has_row != (state == "applied")]


def test_totals_are_corrected_once_no_writer_is_at_work(server_engine: Engine) -> None:
    Writing(server_engine).pull(submission(1))
    with server_engine.begin() as connection:
        connection.execute(update(tallies).values(applied=tallies.c.applied + 5))
    done = threading.Event()

    def correct() -> None:
        transact(server_engine, lambda connection: correct_totals(connection, MIRROR))
        done.set()

    with server_engine.begin() as writer:
        hold_form(writer, MIRROR)
        thread = threading.Thread(target=correct)
        thread.start()
        assert not done.wait(0.3)
    thread.join(10)
    with reading(server_engine) as connection:
        assert totals(connection, ASSET)["applied"] == 1
