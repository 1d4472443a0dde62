"""Runs, letters and codes of some age, for tests of the retention."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, update

from kobo_mirror.database.engine import clock, transact
from kobo_mirror.store.codes import code_for, note_use
from kobo_mirror.store.retention import Retention
from kobo_mirror.store.tables import checkpoints, codes, sync_runs
from tests.support.submissions import ASSET

DAYS, RETENTION = 400, Retention(400, 365)


def add_runs(engine: Engine, described: list[dict[str, Any]], moment: datetime, asset: str = ASSET) -> None:
    """Add runs as ``described``: ``age`` and ``history`` in days before ``moment``."""

    def work(connection: Any) -> None:
        for run in sorted(described, key=lambda one: -one["age"]):
            at = moment - timedelta(days=run["age"])
            values = {
                "asset_uid": asset,
                "name": "kobo_sync s",
                "mode": run["mode"],
                "started_at": at,
                "finished_at": at + timedelta(minutes=1)
                if run["finished"] and run["mode"] != "none"
                else None,
                "highest_id": run["highest_id"],
                "history_until": None if run["history"] is None else moment - timedelta(days=run["history"]),
                "error": "no" if run["error"] else None,
            }
            key = connection.execute(insert(sync_runs).values(values)).inserted_primary_key[0]
            lane = {"asset_uid": asset, "run": key, "lane": 0, "first_id": 0, "cursor_id": 0}
            connection.execute(insert(checkpoints).values(lane))

    transact(engine, work)


def set_age(engine: Engine, table: Any, key: Any, moments: dict[str, timedelta]) -> None:
    """Set columns of the row with this key to the database's clock less so much time."""
    moment = clock(engine)
    values = {name: moment - age for name, age in moments.items()}
    transact(
        engine, lambda c: c.execute(update(table).where(next(iter(table.primary_key)) == key).values(values))
    )


def issue(engine: Engine, ids: list[int], *, used: bool) -> str:
    """Issue a confirmation code for these ids; a used one was used 500 days ago."""
    code = transact(engine, lambda connection: code_for(connection, ASSET, ids))
    if used:
        transact(engine, lambda connection: note_use(connection, code))
        set_age(engine, codes, code, {"used_at": timedelta(days=500)})
    return code


YEARS_OLD = {
    "age": 999, "mode": "incremental", "finished": True, "highest_id": None, "history": None, "error": True,
}  # fmt: skip
