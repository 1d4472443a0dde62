"""Time that passes for a mirror without waiting: every moment that it has noted becomes older.

On the simulated server ``SimulatorControl.age_history`` does the same for the project history.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Engine, func, text, update

from kobo_mirror.store.catalog_tables import plans
from kobo_mirror.store.tables import forms, leases, submissions, sync_runs, to_fetch

_MOMENTS = {
    sync_runs: ("started_at", "finished_at", "history_until"),
    submissions: ("pushed_at", "deleted_at"),
    to_fetch: ("asked_at",),
    leases: ("since", "renewed_at"),
    forms: ("files_swept_at",),
    plans: ("noticed_at", "approved_at", "declined_at", "applied_at", "replaced_at"),
}


def pass_time(engine: Engine, minutes: int) -> None:
    """Let so many minutes pass."""
    with engine.begin() as connection:
        for table, names in _MOMENTS.items():
            earlier = {name: _earlier(engine, table.c[name], minutes) for name in names}
            connection.execute(update(table).values(earlier))


def _earlier(engine: Engine, column: Column[Any], minutes: int) -> Any:
    if engine.dialect.name == "sqlite":
        minute = func.strftime("%Y-%m-%d %H:%M:", column, f"-{minutes} minutes")
        return minute.concat(func.substr(column, 18))
    return func.timestampadd(text("MINUTE"), -minutes, column)
