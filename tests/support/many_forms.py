"""Many forms of one database, as their syncs leave them, without a server and without their submissions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Table, insert, text

from kobo_mirror.database.engine import clock, transact
from kobo_mirror.forms.mirror import NO_DECLARATION
from kobo_mirror.store.catalog_tables import tables
from kobo_mirror.store.tables import PROVEN, forms, proofs, server_counts, sync_runs, tallies

SERVER = "https://kobo.test"


def key_of(number: int) -> str:
    return f"aForm{number:017d}"


def table_of(number: int) -> str:
    return f"form_{number:03d}"


def add_forms(
    engine: Engine,
    count: int,
    *,
    runs: int = 3,
    made: int = 1,
    name: str = "Enquête {number}",
    first: int = 1,
) -> list[str]:
    """Add forms that were synced and proven well, and return their keys.

    :param runs: syncs of each, one every quarter of an hour, the last one just now.
    :param made: tables of each that the catalog has and that are there.
    :param name: as KoboToolbox shows it.
    :param first: the number of the first one.
    """
    moment = clock(engine)
    numbers = range(first, first + count)
    proven = dict.fromkeys(PROVEN, 0) | {"compared": 10}
    bound: list[dict[str, Any]] = [
        {
            "form_table": table_of(n),
            "server": SERVER,
            "asset_uid": key_of(n),
            "fingerprint": NO_DECLARATION,
            "bound_at": moment,
            "epoch_read": 1,
            "name": name.format(number=n),
        }
        for n in numbers
    ]
    described = [
        {
            "asset_uid": key_of(n),
            "table_name": one,
            "kind": "repeat" if one != table_of(n) else "main",
            "path": "",
            "status": "active",
        }
        for n in numbers
        for one in _tables_of(n, made)
    ]
    counted = [{"asset_uid": key_of(n), "submissions": 10, "counted_at": moment} for n in numbers]
    day = {"day": moment.date(), "way": "pulled", "slot": 0, "arrived": 10}
    counts = [{"asset_uid": key_of(n), **day, "applied": 10, "rejected": 0, "deleted": 0} for n in numbers]
    times = {"started_at": moment, "finished_at": moment, "whole": True}
    proofs_of = [{"asset_uid": key_of(n), **times, **proven, "unreadable": 0} for n in numbers]
    with engine.begin() as connection:
        for n in numbers:
            for one in _tables_of(n, made):
                connection.execute(
                    text(f"CREATE TABLE {one} (kobo_id BIGINT PRIMARY KEY, updated_at DATETIME)")
                )
    for back in reversed(range(runs)):
        at = moment - timedelta(minutes=15 * back)
        ended = {"name": "kobo_sync s", "mode": "exact", "started_at": at, "finished_at": at}
        _insert(
            engine, sync_runs, [{"asset_uid": key_of(n), **ended, "count_difference": 0} for n in numbers]
        )
    for table, rows in (
        (forms, bound),
        (tables, described),
        (server_counts, counted),
        (tallies, counts),
        (proofs, proofs_of),
    ):
        _insert(engine, table, rows)
    return [key_of(n) for n in numbers]


def _insert(engine: Engine, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        transact(engine, lambda connection: connection.execute(insert(table), rows))


def _tables_of(number: int, made: int) -> list[str]:
    return [table_of(number) + (f"__r{part}" if part else "") for part in range(made)]
