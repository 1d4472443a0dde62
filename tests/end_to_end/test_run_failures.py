"""``python -m kobo_mirror run`` while something fails: what passes is waited for, what does not ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.tables import leases
from tests.support.database_server import OwnServer, own_server
from tests.support.further import further
from tests.support.mirroring import Mirroring
from tests.support.running_command import running
from tests.support.tables import records


@pytest.mark.long
def test_a_temporary_failure_does_not_end_the_run(embedded: Mirroring, tmp_path: Path) -> None:
    take_lease(embedded.engine, embedded.mirror.asset_uid, "another")
    with running(embedded, tmp_path, "--every", "0.01") as tree:
        tree.wait_for(lambda: "Sync another holds this form" in tree.said())
        with embedded.engine.begin() as connection:
            connection.execute(leases.update().values(holder=None))
        tree.wait_for(lambda: "300 new" in tree.said())
        embedded.simulator.control.delete(embedded.simulator.control.ids()[:100])
        tree.wait_for(lambda: "confirm" in tree.said())
        embedded.simulator.control.create(1)
        tree.wait_for(lambda: len(records(embedded.engine)) == 301)
        assert tree.end()[0] == 0, tree.said()


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"KOBO_TOKEN": "wrong"}, 2, "error: KOBO_TOKEN was refused by"),
        ({"WEBHOOK_SECRET": ""}, 2, "error: WEBHOOK_SECRET is not set."),
        ({"WEBHOOK_BIND": "nonsense:port"}, 2, "error: WEBHOOK_BIND must be a host and a port"),
        ({"WEBHOOK_BIND": "203.0.113.7:8000"}, 1, "WEBHOOK_BIND names 203.0.113.7:8000, which is no address"),
    ],
)
def test_a_lasting_failure_ends_the_run_with_a_sentence(
    embedded: Mirroring, tmp_path: Path, change: dict[str, str], code: int, said: str
) -> None:
    with running(embedded, tmp_path, **change) as tree:
        assert tree.process.wait(30) == code
        assert tree.processes() == []
        assert said in tree.said()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"KOBO_TOKEN": "wrong"}, "KOBO_TOKEN was refused by"),
        ({"KOBO_ASSET_ID": "aAnotherForm00000000001"}, "shows no form 'aAnotherForm00000000001'"),
        ({"KOBO_URL": "{url}/login"}, ""),
    ],
    ids=["token", "form", "address"],
)
@pytest.mark.parametrize("endpoint", ["set", *further("")])
def test_a_refusal_at_the_first_contact_is_all_that_is_on_the_screen(
    embedded: Mirroring, tmp_path: Path, change: dict[str, str], said: str, endpoint: str
) -> None:
    given = {name: text.format(url=embedded.simulator.url) for name, text in change.items()}
    given |= {} if endpoint else {"REAL_TIME_POST_ENDPOINT_URL": ""}
    started = time.monotonic()
    with running(embedded, tmp_path, **given) as tree:
        assert tree.process.wait(30) == 2
        assert time.monotonic() - started < 10
        (line,) = tree.said().splitlines()
        assert line.startswith("error: ")
        assert said in line


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"], ids=["port", "host"])
def test_an_unreachable_server_is_reported_at_once_and_the_webhook_serves(
    embedded: Mirroring, tmp_path: Path, url: str
) -> None:
    with running(embedded, tmp_path, KOBO_URL=url) as tree:
        tree.wait_for(tree.said, 10)
        first = tree.said().splitlines()[0]
        assert first.startswith(f"error: {url} could not be reached")
        assert first.endswith("Trying again.")
        tree.wait_for(lambda: tree.status("/health/live") == 200)
        assert tree.end()[0] == 0, tree.said()


@pytest.mark.parametrize("kind", ["401", *further("403", "404")])
def test_a_refusal_after_a_good_sync_is_reported_and_the_webhook_continues(
    embedded: Mirroring, tmp_path: Path, kind: str
) -> None:
    control = embedded.simulator.control
    with running(embedded, tmp_path, "--every", "0.01") as tree:
        tree.wait_for(lambda: "300 new" in tree.said() and control.stats()["hooks"] == 1)
        control.faults.add(kind, count=None, path="api/v2")
        tree.wait_for(lambda: "The webhook goes on." in tree.said())
        (new,) = control.create(1)
        control.wait_deliveries()
        tree.wait_for(lambda: new in records(embedded.engine))
        control.faults.clear()
        control.edit(new, cd_age="55")
        tree.wait_for(lambda: records(embedded.engine)[new]["age"] == 55)
        assert tree.end()[0] == 0, tree.said()


@pytest.mark.long
def test_a_refused_registration_is_told_and_tried_with_each_sync(embedded: Mirroring, tmp_path: Path) -> None:
    control = embedded.simulator.control
    control.faults.add("401", count=None, path="hooks")
    with running(embedded, tmp_path, "--every", "0.01") as tree:
        tree.wait_for(lambda: tree.said().count("The webhook goes on.") == 2)
        assert control.stats()["hooks"] == 0
        assert tree.said().count("success: ") >= 2
        control.faults.clear()
        tree.wait_for(lambda: control.stats()["hooks"] == 1)
        assert tree.end()[0] == 0, tree.said()


def test_another_form_ends_it_and_registers_nothing(embedded: Mirroring, tmp_path: Path) -> None:
    embedded.sync()
    with running(embedded, tmp_path, KOBO_ASSET_ID="aAnotherForm00000000001") as tree:
        assert tree.process.wait(30) == 1
        assert "mirrors form" in tree.said()
        assert tree.processes() == []
    assert embedded.simulator.control.stats()["hooks"] == 0


def test_a_form_that_does_not_fit_ends_it_and_gets_no_rest_service(
    embedded: Mirroring, tmp_path: Path
) -> None:
    control = embedded.simulator.control
    control.bulk_edit(control.ids(), cd_client_name=None)
    with running(embedded, tmp_path) as tree:
        assert tree.process.wait(30) == 1
        assert "fits the table" in tree.said()
    assert control.stats()["hooks"] == 0


@pytest.fixture
def database() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.mark.long
def test_a_database_that_is_down_at_the_start_and_comes_back(
    embedded: Mirroring, database: OwnServer, tmp_path: Path
) -> None:
    url = database.fresh_database()
    database.stop()
    with running(embedded, tmp_path, "--every", "0.02", DATABASE_URL=url) as tree:
        tree.wait_for(lambda: "cannot be reached" in tree.said())
        assert tree.status("/health/live") == 200
        assert tree.status("/health/ready") == 503
        database.start()
        tree.wait_for(lambda: "300 new" in tree.said())
        tree.wait_for(lambda: tree.status("/health/ready") == 200)
        database.kill()
        embedded.simulator.control.create(2)
        tree.wait_for(lambda: tree.said().count("Trying again") > 1)
        database.start()
        engine = open_engine(url)
        tree.wait_for(lambda: len(records(engine)) == 302)
        engine.dispose()
        assert tree.end()[0] == 0, tree.said()
