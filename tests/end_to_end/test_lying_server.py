"""A server that hides submissions for a moment: no proof, no exact run and no delete follows from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.config.settings import server_url
from kobo_mirror.errors import DeletesWaitError, ServerError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.verify import verify
from simulator.process import SimulatorProcess
from tests.support.mirrored_server import code_of


@pytest.fixture
def client(simulator: SimulatorProcess) -> Iterator[KoboClient]:
    with open_form(
        simulator.url, simulator.token, simulator.asset, attempts=2, sleep=lambda seconds: None
    ) as client:
        yield client


@pytest.fixture
def sync(client: KoboClient, engine: Engine, simulator: SimulatorProcess) -> MirrorSync:
    sync = MirrorSync(client, engine, form=KOBO_RECORDS, server=server_url(simulator.url))
    sync.run()
    return sync


@pytest.mark.parametrize("full", [True, False])
def test_a_hidden_page_is_no_proof(
    sync: MirrorSync, client: KoboClient, engine: Engine, simulator: SimulatorProcess, full: bool
) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM kobo_records"))
        connection.execute(text("DELETE FROM kobo_submissions"))
    mirror = Mirror(KOBO_RECORDS, server_url(simulator.url), simulator.asset)
    simulator.control.faults.add("empty", count=1, path="data.json")
    report = verify(client, engine, mirror, lambda phase, done, total: None, full=full)
    assert report.differences["missing"] == len(simulator.control.ids())


def test_a_page_hidden_from_the_sweep_hides_nothing(
    sync: MirrorSync, engine: Engine, simulator: SimulatorProcess
) -> None:
    lost = simulator.control.ids()[:4]
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM kobo_submissions WHERE kobo_id <= :last"), {"last": lost[-1]})
    simulator.control.faults.add("empty", count=1, path="fields=.*validation_status")
    assert sync.run(mode="exact")["inserted"] == len(lost)


def test_no_code_is_used_up_where_nothing_can_be_proven(
    sync: MirrorSync, engine: Engine, simulator: SimulatorProcess
) -> None:
    simulator.control.edit(simulator.control.ids()[:30], **{"sec_c/cd_age": "41"})
    simulator.control.faults.add("empty", count=None, path="%24in|in%22")
    with pytest.raises(DeletesWaitError) as waiting:
        sync.run()
    with pytest.raises(ServerError, match="nothing was deleted"):
        sync.run(confirm=code_of(waiting.value))
    simulator.control.faults.clear()
    assert sync.run()["updated"] == 30
    with engine.begin() as connection:
        spent = connection.execute(text("SELECT COUNT(confirmed) FROM kobo_sync_runs")).scalar_one()
        deleted = connection.execute(
            text("SELECT COUNT(*) FROM kobo_submissions WHERE state = 'deleted'")
        ).scalar_one()
    assert (spent, deleted) == (0, 0)


def test_submissions_too_large_to_come_together_come_in_parts(
    sync: MirrorSync, simulator: SimulatorProcess
) -> None:
    for _ in range(25):
        simulator.control.create(10, **{"sec_a/extra_note": "x" * 300_000})
    large = simulator.control.ids()[-250:]
    sync.run()
    simulator.control.edit(large, **{"sec_c/cd_age": "41"})
    assert sync.run()["updated"] == len(large)


@pytest.mark.parametrize("hidden_from", ["fields=.*validation_status", "limit=1000"])
def test_pages_that_stay_hidden_end_the_sync_with_an_error(
    sync: MirrorSync,
    client: KoboClient,
    engine: Engine,
    simulator: SimulatorProcess,
    hidden_from: str,
) -> None:
    simulator.control.faults.add("empty", count=None, path=hidden_from)
    with pytest.raises(ServerError, match="sends none of them"):
        sync.run(mode="exact")
    mirror = Mirror(KOBO_RECORDS, server_url(simulator.url), simulator.asset)
    with pytest.raises(ServerError, match="sends none of them"):
        verify(client, engine, mirror, lambda phase, done, total: None, full=hidden_from == "limit=1000")
