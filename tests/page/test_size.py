"""The page is quick however much is mirrored, because nothing it asks for walks the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, event, insert, text

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.database.engine import clock, transact
from kobo_mirror.store import dead_letters, totals
from kobo_mirror.store.codes import code_for
from kobo_mirror.store.refetch_queue import enqueue
from kobo_mirror.store.runs import note_error
from kobo_mirror.store.tables import submissions, sync_runs
from tests.support.submissions import ASSET

Client = Callable[[str | None], TestClient]

REJECTED_EACH = 500
RUNS = 5_000
COLUMNS = tuple(column.name for column in submissions.columns)
LARGE = ("kobo_submissions", "kobo_records")


def fill(engine: Engine, rows: int) -> None:
    """A ledger of so many submissions with its totals, as the writer keeps them; every 500th a rejection."""
    moment = clock(engine)
    for first in range(0, rows, 10_000):
        ids = range(first, min(rows, first + 10_000))
        transact(engine, lambda connection, ids=ids: _write(connection, ids, moment))
    started = [moment - timedelta(minutes=15 * number) for number in range(RUNS)]
    runs = [
        {
            "asset_uid": ASSET,
            "name": "kobo_sync s",
            "mode": "incremental",
            "started_at": at,
            "finished_at": at,
        }
        for at in reversed(started)
    ]
    transact(engine, lambda connection: connection.execute(insert(sync_runs), runs))
    transact(engine, lambda connection: enqueue(connection, ASSET, range(1, 2_001), "gone"))
    transact(engine, lambda connection: code_for(connection, ASSET, list(range(1, 2_001))))
    transact(engine, lambda connection: note_error(connection, RUNS, "2000 submissions have gone"))
    for number in range(50):
        dead_letters.keep(engine, body=b"{" * 1000, source="webhook", reason=f"no JSON {number}")


def _write(connection: Connection, ids: range, moment: Any) -> None:
    fates = {i: "rejected" if i % REJECTED_EACH == 0 else "applied" for i in ids}
    rows = [
        (
            ASSET, i, f"{i:036d}", f"{i:036d}", None, "v", moment - timedelta(seconds=9), "meg", None, None,
            b"d" * 16, b"r" * 16, "{}" if fate == "rejected" else None, fate,
            "age: the answer to sec_c/cd_age is not a whole number" if fate == "rejected" else None,
            None, moment, None, 1,
        )
        for i, fate in fates.items()
    ]  # fmt: skip
    changes = {i: (None, fate) for i, fate in fates.items()}
    counted = totals.count_changes(connection, ASSET, "pulled", moment, changes)
    write(connection, Write(submissions, COLUMNS, rows), *counted)


@pytest.fixture
def mirror_url(database_url: str) -> str:
    return database_url


def look_at_everything(client: TestClient) -> dict[str, float]:
    """Seconds of the best of three, for each read."""
    form = f"api/forms/{ASSET}"
    reads = ["", form, f"{form}/days", f"{form}/runs", f"{form}/rejections", "api/dead-letters"]
    reads += [f"{form}/tables", f"{form}/rejected-cells", f"{form}/plan", f"{form}/history"]
    return {path: min(_seconds(client, path) for _ in range(3)) for path in reads}


def _seconds(client: TestClient, path: str) -> float:
    before = time.perf_counter()
    answer = client.get(path)
    assert answer.status_code == 200
    return time.perf_counter() - before


def plans_of_the_page(engine: Engine, client: TestClient) -> dict[str, list[str]]:
    """How the database finds what each of the page's statements asks for."""
    from kobo_mirror.airflow.page import access

    asked: dict[str, Any] = {}

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if statement.startswith("SELECT"):
            asked[statement] = parameters

    used = access.target_engine()
    event.listen(used, "before_cursor_execute", note)
    look_at_everything(client)
    event.remove(used, "before_cursor_execute", note)
    with engine.connect() as connection:
        return {statement: plan_of(connection, statement, given) for statement, given in asked.items()}


def plan_of(connection: Connection, statement: str, parameters: Any = ()) -> list[str]:
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return [str(dict(row)) for row in connection.exec_driver_sql(explain + statement, parameters).mappings()]


def walks_a_large_table(engine: Engine, line: str) -> bool:
    if engine.dialect.name == "sqlite":
        return any(f"SCAN {table}" in line for table in LARGE)
    return any(f"'table': '{table}'" in line for table in LARGE) and (
        "'type': 'ALL'" in line or "'type': 'index'" in line
    )


def test_no_statement_of_the_page_walks_the_ledger(engine: Engine, as_user: Client) -> None:
    fill(engine, 50_000)
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection:
            connection.execute(text("ANALYZE TABLE kobo_submissions, kobo_rejections, kobo_to_fetch"))
    with engine.connect() as connection:
        (walk,) = plan_of(connection, "SELECT COUNT(*) FROM kobo_submissions WHERE state = 'rejected'")
    assert walks_a_large_table(engine, walk)
    plans = plans_of_the_page(engine, as_user("ada"))
    assert any("kobo_submissions" in statement for statement in plans)
    walks = {s: plan for s, plan in plans.items() if any(walks_a_large_table(engine, line) for line in plan)}
    assert walks == {}
    assert max(look_at_everything(as_user("ada")).values()) < 0.3


@pytest.mark.long
def test_the_page_answers_in_300_ms_with_a_million_submissions(engine: Engine, as_user: Client) -> None:
    fill(engine, 1_000_000)
    seconds = look_at_everything(as_user("ada"))
    assert max(seconds.values()) < 0.3, seconds
