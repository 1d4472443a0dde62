"""Syncs that are stopped early, and form tables that are dropped and made again."""

from __future__ import annotations

from sqlalchemy import Engine

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from tests.support.mirroring import Mirroring
from tests.support.tables import run_sql

LARGE_FORM = {"exact_up_to": 0, "exact_every_hours": 24}


def stop_after(mirroring: Mirroring, pages: int) -> None:
    """Answer so many requests for pages of ten submissions, and then none."""
    mirroring.simulator.control.faults.add("503", count=None, after=pages, path=r"limit=10(&|$)")


def drop_and_migrate(engine: Engine) -> None:
    """Drop the form table and make it again, empty."""
    run_sql(engine, "DROP TABLE kobo_records")
    migrate(engine, KOBO_RECORDS)
