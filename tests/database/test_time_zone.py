"""A database server whose clock is not set to UTC: every moment in our tables is UTC all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import proofs, sync_runs
from simulator.process import SimulatorProcess
from tests.support.database_server import OwnServer, own_server
from tests.support.drivers import DRIVERS
from tests.support.mirroring import Mirroring
from tests.support.tables import ledger, records, rows_of

NEARLY = timedelta(minutes=10)


@pytest.fixture(scope="module", params=["+05:45", "-03:30"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[OwnServer]:
    """A server that was started with another time zone."""
    with own_server() as server:
        server.restart(f"--default-time-zone={request.param}")
        yield server


def is_now(moment: Any) -> bool:
    return moment is not None and abs(datetime.now(UTC).replace(tzinfo=None) - moment) < NEARLY


@pytest.mark.parametrize("driver", DRIVERS)
def test_moments_are_utc_and_the_mirror_is_exact(
    elsewhere: OwnServer, simulator: SimulatorProcess, driver: str
) -> None:
    url = elsewhere.fresh_database(driver=driver)
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    mirroring, control = Mirroring(simulator, url, engine, []), simulator.control
    assert mirroring.sync()["inserted"] == 300
    edited, gone = control.ids()[:2]
    control.edit(edited, cd_age="77")
    control.delete(gone)
    assert mirroring.sync()["updated"] == 1
    assert mirroring.verify().equal
    row, tombstone = records(engine)[edited], ledger(engine)[gone]
    assert is_now(row["inserted_at"]) and is_now(row["updated_at"]) and row["updated_at"] > row["inserted_at"]
    assert is_now(tombstone["first_seen_at"]) and is_now(tombstone["deleted_at"])
    for run in (*rows_of(engine, sync_runs), *rows_of(engine, proofs)):
        assert is_now(run["started_at"]) and is_now(run["finished_at"])
    (shown,) = control.rows(edited)
    assert row["submission_time"].isoformat() == shown["_submission_time"]
    assert mirroring.sync(mode="exact")["updated"] == 0
    engine.dispose()
