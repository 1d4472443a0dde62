"""The registration step with a real webhook: whatever became of the REST Service, deliveries flow again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.kobo.rest_services import Registration
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import registrations
from kobo_mirror.sync.register import register_webhook
from simulator.options import Options
from simulator.process import SimulatorProcess
from tests.support.mirroring import Mirroring
from tests.webhook.application import Tables
from tests.webhook.bodies import PATH, SECRET
from tests.webhook.service import Service, running_service, wait_for

FAILED, SUCCESS = 0, 2
CLOSED_DOOR = f"http://127.0.0.1:9{PATH}"


@dataclass
class Registering:
    """A form whose submissions shall be posted to a webhook."""

    client: KoboClient
    simulator: SimulatorProcess
    engine: Engine
    service: Service

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.service.port}{PATH}"

    def register(self, **changes: str) -> Registration:
        how = {"endpoint": self.endpoint, "secret": SECRET} | changes
        return register_webhook(self.client, self.engine, **how)

    def hook(self) -> dict[str, Any]:
        """The only REST Service."""
        [hook] = self.client.hooks()
        return hook

    def change(self, **fields: Any) -> None:
        self.client.patch_hook(self.hook()["uid"], fields)

    def assert_deliveries_arrive_once(self) -> None:
        before = len(self.logs(SUCCESS))
        [kobo_id] = self.simulator.control.create()
        self.simulator.control.wait_deliveries()
        assert kobo_id in Tables(self.engine).cells("kobo_id")
        assert len(self.logs(SUCCESS)) == before + 1

    def logs(self, status: int) -> list[int]:
        """The submissions whose deliveries ended like this, one for each delivery."""
        return [
            log["submission_id"]
            for hook in self.client.hooks()
            for log in self.client.hook_logs(hook["uid"], status)
        ]

    def remembered(self) -> list[tuple[str, str | None]]:
        with self.engine.connect() as connection, connection.begin():
            rows = connection.execute(select(registrations.c.endpoint, registrations.c.hook_uid))
            return [(row.endpoint, row.hook_uid) for row in rows]


@pytest.fixture(scope="module")
def parts(
    simulator_process: SimulatorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registering]:
    directory = tmp_path_factory.mktemp("registration")
    url = f"sqlite:///{directory / 'mirror.sqlite'}"
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    simulator = simulator_process
    form = {"KOBO_URL": simulator.url, "KOBO_ASSET_ID": simulator.asset}
    with (
        open_form(simulator.url, simulator.token, simulator.asset) as client,
        running_service(url, directory, **form) as service,
    ):
        simulator.control.reset(rows=5, seed=71)
        Mirroring(simulator, url, engine, []).sync()
        yield Registering(client, simulator, engine, service)
    engine.dispose()


@pytest.fixture
def registering(parts: Registering) -> Registering:
    """Nothing is registered, nothing remembered."""
    for hook in parts.client.hooks():
        parts.client.delete_hook(hook["uid"])
    with parts.engine.begin() as connection:
        connection.execute(delete(registrations))
    return parts


def missing(it: Registering) -> None:
    it.client.delete_hook(it.hook()["uid"])


def inactive(it: Registering) -> None:
    it.change(active=False)


def doubled(it: Registering) -> None:
    it.client.create_hook({"name": "by hand", "endpoint": it.endpoint})


def elsewhere(it: Registering) -> None:
    it.change(endpoint=CLOSED_DOOR)


def old_secret(it: Registering) -> None:
    it.change(settings={"custom_headers": {"X-Webhook-Secret": "an old one"}})


def subset(it: Registering) -> None:
    it.change(subset_fields=["_id", "sec_a/unique_id"])


def template(it: Registering) -> None:
    it.change(payload_template='{"submission": %SUBMISSION%}')


def xml(it: Registering) -> None:
    it.change(export_type="xml")


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (missing, "added a REST Service that posts new submissions to {}"),
        (inactive, "mended the REST Service for {}: it was switched off"),
        (doubled, "removed a second REST Service, for {}"),
        (elsewhere, f"mended the REST Service for {{}}: it posted to {CLOSED_DOOR}"),
        (old_secret, "mended the REST Service for {}: it showed another secret"),
        (subset, "mended the REST Service for {}: it sent some fields only"),
        (template, "mended the REST Service for {}: it wrapped the submission in a template"),
        (xml, "mended the REST Service for {}: it sent XML"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_heals_once_and_says_so(
    happens: Callable[[Registering], None], says: str, registering: Registering
) -> None:
    registering.register()
    happens(registering)
    healed = registering.register()
    assert (healed.changed, healed.sentence) == (True, says.format(registering.endpoint))
    again = registering.register()
    says_nothing = f"nothing to do: a REST Service posts new submissions to {registering.endpoint}"
    assert (again.changed, again.sentence) == (False, says_nothing)
    assert registering.remembered() == [(registering.endpoint, registering.hook()["uid"])]
    registering.assert_deliveries_arrive_once()


def test_a_webhook_that_moves_takes_its_rest_service_along_and_what_failed_is_still_asked_for(
    registering: Registering, tmp_path: Path
) -> None:
    mirroring = Mirroring(registering.simulator, f"sqlite:///{tmp_path / 'm.sqlite'}", registering.engine, [])
    registering.register(endpoint=CLOSED_DOOR)
    uid = registering.hook()["uid"]
    mirroring.sync(exact_up_to=0)
    first = registering.simulator.control.create(2)
    registering.simulator.control.wait_deliveries()
    assert mirroring.sync(exact_up_to=0)["inserted"] == 2
    moved = registering.register()
    assert moved.sentence == f"mended the REST Service for {registering.endpoint}: it posted to {CLOSED_DOOR}"
    assert registering.remembered() == [(registering.endpoint, uid)]
    registering.simulator.control.clear_requests()
    mirroring.sync(exact_up_to=0)
    read = [r for r in registering.simulator.control.requests() if r["path"].endswith(f"{uid}/logs/")]
    assert "start_date=" in read[0]["query"]  # the log is read on from where it was, not from its beginning
    assert sorted(registering.logs(FAILED)) == sorted(first)
    registering.assert_deliveries_arrive_once()


def test_a_token_that_may_not_manage_hooks_says_so_and_the_pull_goes_on(
    embedded: Mirroring, registering: Registering
) -> None:
    registering.simulator.control.reset(rows=30, seed=72)
    viewer = Options().viewer_token
    settings = {"REAL_TIME_POST_ENDPOINT_URL": registering.endpoint, "WEBHOOK_SECRET": SECRET}
    code, out, err = embedded.command("register-webhook", KOBO_TOKEN=viewer, **settings)
    assert (code, out) == (2, "")
    assert "not permitted: ask the form's owner to let the account of KOBO_TOKEN edit the form" in err
    code, out, err = embedded.command("sync", KOBO_TOKEN=viewer, **settings)
    assert code == 0, err
    assert len(Tables(embedded.engine).cells("kobo_id")) == 30


@contextmanager
def arriving(simulator: SimulatorProcess) -> Iterator[list[int]]:
    """Submissions come, one after the other: their ids so far."""
    ids: list[int] = []
    stop = threading.Event()

    def create() -> None:
        while not stop.wait(0.01):
            ids.extend(simulator.control.create())

    with ThreadPoolExecutor() as background:
        creating = background.submit(create)
        try:
            yield ids
        finally:
            stop.set()
            creating.result()


@pytest.mark.long
def test_a_secret_is_replaced_under_load_and_no_submission_is_lost(
    registering: Registering, tmp_path: Path
) -> None:
    """As README says: the old one becomes the previous one, restart, sync; then the old one goes."""
    url = f"sqlite:///{tmp_path / 'rotated.sqlite'}"
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    simulator = registering.simulator
    simulator.control.reset(rows=0, seed=73)
    mirroring = Mirroring(simulator, url, engine, [])

    @contextmanager
    def serving(bind: str, secret: str, previous: str) -> Iterator[Service]:
        directory = tmp_path / f"{secret}-{previous}"
        directory.mkdir()
        form = {"KOBO_URL": simulator.url, "KOBO_ASSET_ID": simulator.asset, "WEBHOOK_BIND": bind}
        secrets = {"WEBHOOK_SECRET": secret, "WEBHOOK_SECRET_PREVIOUS": previous}
        with running_service(url, directory, **form, **secrets) as service:
            yield service

    def wait_for_more() -> None:
        before = simulator.control.stats()["deliveries"]["success"]
        wait_for(lambda: simulator.control.stats()["deliveries"]["success"] >= before + 10, 20)

    with arriving(simulator) as ids:
        with serving("127.0.0.1:0", "old", "") as service:
            it = replace(registering, engine=engine, service=service)
            it.register(secret="old")
            wait_for_more()
        bind = it.endpoint.removeprefix("http://").removesuffix(PATH)
        with serving(bind, "new", "old"):
            wait_for_more()
            assert it.register(secret="new").sentence.endswith("it showed another secret")
            wait_for_more()
        with serving(bind, "new", ""):
            wait_for_more()
            mirroring.sync(exact_up_to=0)
    simulator.control.wait_deliveries()
    refused = [log for log in it.client.hook_logs(it.hook()["uid"], FAILED) if log["status_code"]]
    assert refused == []  # some could not connect, no request was refused
    mirroring.sync(exact_up_to=0)
    report = mirroring.verify()
    assert (report.equal, report.compared) == (True, len(ids))
    engine.dispose()
