"""Many forms in a real Airflow of which nothing but our plugins was set up: pools, tasks, events."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil
import pytest

from kobo_mirror.config.deliveries import form_secret
from simulator.process import SimulatorProcess
from tests.live.conftest import LiveAirflow
from tests.support.airflow_environment import connection_variables
from tests.support.forms.any_mirror import form_file, uid_of
from tests.support.forms.office import VISITS
from tests.support.reverse_proxy import ReverseProxy
from tests.webhook.bodies import PATH, SECRET
from tests.webhook.service import HEADERS, running_service

IN_FLIGHT = 2
SLOTS = 2 * IN_FLIGHT + 1
HERE = ["clinics", "farms", "homes", "schools", "shops", "wells"]
THERE = ["markets", "roads", "towns"]
SLOW = 1.0
MOST_MINUTES = 8
ROWS = 100


class BareAirflow(LiveAirflow):
    """One whose database nothing but ``airflow db migrate`` has made; a further server stands beside it."""

    def __init__(self, folder: Path) -> None:
        def serving(names: list[str]) -> SimulatorProcess:
            return SimulatorProcess(form=[form_file(folder, name, VISITS, rows=ROWS) for name in names])

        super().__init__(folder, serving(HERE))
        self.further = serving(THERE)
        self._proxies = ExitStack()

    def set_up(self, env: dict[str, str]) -> None:
        self.children.run("migrate", "-m", "airflow", "db", "migrate", env=env)

    def start(self) -> None:
        self.simulator.start()
        self.further.start()
        for process in (self.simulator, self.further):
            process.control.faults.add("slow", count=None, path=r"data\.json", seconds=SLOW)
        self.here, self.there = (
            self._proxies.enter_context(ReverseProxy(process.url))
            for process in (self.simulator, self.further)
        )
        further = f", server: '{self.there.url}', token: THEIR_TOKEN"
        forms = [f"{{uid: {uid_of(name)}, table: {name}}}" for name in HERE]
        forms += [f"{{uid: {uid_of(name)}, table: {name}{further}}}" for name in THERE]
        (self.folder / "kobo.yml").write_text("forms:\n" + "".join(f"  - {form}\n" for form in forms))
        self.start_parts()

    def stop(self) -> None:
        super().stop()
        self._proxies.close()
        self.further.stop()

    def seconds_of_workers(self) -> float:
        """The seconds of a processor that the workers and their tasks have used so far."""
        scheduler = self.scheduler()
        own, used = sum(scheduler.cpu_times()[:2]), 0.0
        for one in (scheduler, *scheduler.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # then it is in the times of its parent's children
                used += sum(one.cpu_times()[:4])
        return used - own

    def environment(self) -> dict[str, str]:
        account = {"KOBO_URL": self.here.url, "KOBO_TOKEN": self.simulator.token, "KOBO_ASSET_ID": ""}
        return (
            super().environment()
            | connection_variables(**account, DATABASE_URL=self.database_url)
            | {
                "AIRFLOW__CORE__PARALLELISM": str(len(HERE)),
                "KOBO_FORMS_FILE": str(self.folder / "kobo.yml"),
                "KOBO_MAX_IN_FLIGHT": str(IN_FLIGHT),
                "THEIR_TOKEN": self.further.token,
            }
        )


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareAirflow]:
    made = BareAirflow(tmp_path_factory.mktemp("bare"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.mark.long
def test_the_scheduler_makes_the_pools_that_bound_requests_to_each_server(bare: BareAirflow) -> None:
    assert set(pools(bare)) == {"default_pool"}
    run = bare.ended("kobo_sync_all", run_id := bare.trigger("kobo_sync_all"), seconds=300)
    assert run["state"] == "success", run["note"]
    tasks = bare.get(f"/api/v2/dags/kobo_sync_all/dagRuns/{run_id}/taskInstances")["task_instances"]
    their_pool = f"kobo_api__127.0.0.1_{bare.there.port}"
    assert pools(bare) == {"kobo_api": SLOTS, their_pool: SLOTS, "default_pool": 128}
    for pool, names, proxy in (("kobo_api", HERE, bare.here), (their_pool, THERE, bare.there)):
        bounded = [task for task in tasks if task["pool"] == pool]
        mapped = [task for task in bounded if task["map_index"] >= 0]
        assert sorted(task["rendered_map_index"] for task in mapped) == names
        assert {task["pool_slots"] for task in mapped} == {IN_FLIGHT}
        assert most_slots(bounded) == 2 * IN_FLIGHT  # as many as fit, and no more
        assert 2 <= proxy.most_at_once <= SLOTS
    assert {task["pool"] for task in tasks} == {"kobo_api", their_pool}


@pytest.mark.long
def test_a_delivery_to_the_path_of_a_form_tells_the_asset_of_the_form(
    bare: BareAirflow, tmp_path: Path
) -> None:
    if not told(bare, "kobo_sync_all"):  # alone, without the test above
        bare.ended("kobo_sync_all", bare.trigger("kobo_sync_all", forms=["clinics", "farms"]), seconds=180)
    settings = {
        "KOBO_URL": bare.here.url,
        "KOBO_ASSET_ID": "",
        "WEBHOOK_AIRFLOW_URL": bare.url,
        "WEBHOOK_AIRFLOW_LOGIN": f"webhook:{bare.password}",
        "WEBHOOK_AIRFLOW_EVERY_SECONDS": "2",
    }
    with running_service(bare.database_url, tmp_path, **settings) as service:
        for name, many in (("clinics", 5), ("farms", 3)):
            key, form = uid_of(name), bare.simulator.control.of(uid_of(name))
            headers = HEADERS | {"X-Webhook-Secret": form_secret(SECRET, key)}
            for kobo_id in form.create(many):
                (one,) = (row for row in form.rows() if row["_id"] == kobo_id)
                raw = json.dumps(one).encode()
                answered = service.request("POST", f"{PATH}/{key}", body=raw, headers=headers)
                assert answered[:2] == (200, {"status": "success", "result": "inserted", "reason": None})
        wanted = {"kobo://mirror/clinics": 5, "kobo://mirror/farms": 3}
        bare.wait_for(lambda: told(bare, "webhook") == wanted, "the events")


@pytest.mark.long
def test_a_round_of_two_hundred_forms_with_nothing_new_takes_few_minutes_of_workers(
    bare: BareAirflow,
) -> None:
    for process in (bare.simulator, bare.further):
        process.control.faults.clear()
    for _ in range(2):
        before = bare.seconds_of_workers()
        run = bare.ended("kobo_sync_all", bare.trigger("kobo_sync_all"), seconds=300)
        assert run["state"] == "success", run["note"]
    assert sorted(run["note"].split()) == ["3.", "6.", "Forms:", "Forms:"]  # and no form has news
    by_form = (bare.seconds_of_workers() - before) / len(HERE + THERE)
    assert 200 * by_form < MOST_MINUTES * 60, by_form


def told(airflow: LiveAirflow, by: str) -> dict[str, int]:
    """The submissions that events tell of, by asset.

    :param by: ``webhook``, or the DAG that has told them.
    """
    found: Counter[str] = Counter()
    for event in airflow.get("/api/v2/assets/events", limit=100)["asset_events"]:
        if by in (event["extra"].get("source"), event["source_dag_id"]):
            found[event["uri"]] += event["extra"].get("pushed") or event["extra"]["inserted"]
    return dict(found)


def pools(airflow: LiveAirflow) -> dict[str, int]:
    return {pool["name"]: pool["slots"] for pool in airflow.get("/api/v2/pools")["pools"]}


def most_slots(tasks: list[Any]) -> int:
    """The most slots that tasks held at one moment, by when each started and ended."""
    starts = [(task["start_date"], task["pool_slots"]) for task in tasks]
    ends = [(task["end_date"], -task["pool_slots"]) for task in tasks]
    return max(accumulate(slots for _, slots in sorted(starts + ends)))
