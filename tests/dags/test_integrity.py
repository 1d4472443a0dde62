from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.airflow_environment import ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

IDS = {"kobo_forms", "kobo_replay", "kobo_sync", "kobo_sync_all", "kobo_verify"}
FILES = IDS | {"kobo_sync_own"}


@pytest.fixture(params=sorted(IDS))
def dag(request: pytest.FixtureRequest, dagbag: DagBag) -> Any:
    return dagbag.dags[request.param]


def test_every_file_is_imported_without_an_error(dagbag: DagBag) -> None:
    assert dagbag.import_errors == {}


def test_there_are_exactly_the_dags_that_are_described(dagbag: DagBag) -> None:
    assert set(dagbag.dags) == IDS


def test_it_has_no_cycle(dag: Any) -> None:
    order = [task.task_id for task in dag.topological_sort()]
    assert sorted(order) == sorted(dag.task_ids)
    for task in dag.tasks:
        assert all(order.index(up) < order.index(task.task_id) for up in task.upstream_task_ids)


def test_it_survives_serialization(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert set(again.task_ids) == set(dag.task_ids)
    assert set(again.params) == set(dag.params)


def test_it_says_who_owns_it_and_what_it_does(dag: Any) -> None:
    assert dag.owner
    assert dag.owner != "airflow"
    assert dag.tags
    assert dag.description
    assert dag.doc_md.count("\n") > 5
    assert all(f"**{task_id}**" in dag.doc_md for task_id in dag.task_ids if len(dag.task_ids) > 1)


def test_every_task_is_tried_again_and_fails_at_once_where_that_does_not_help(dag: Any) -> None:
    from kobo_mirror.airflow.policy import RETRY_BY_ERROR

    for task in dag.tasks:
        assert task.retries >= 1
        assert task.retry_policy is RETRY_BY_ERROR or task.partial_kwargs["retry_policy"] is RETRY_BY_ERROR


def test_it_runs_one_at_a_time_and_does_not_catch_up(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert not dag.catchup


def test_every_param_has_a_title_a_description_and_a_valid_default(dag: Any) -> None:
    assert dag.params
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.schema["title"]
        assert param.description
        param.resolve()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "sometimes"),
        ("page_size", 0),
        ("page_size", "many"),
        ("since_id", -1),
        ("confirm_deletes", 7),
        ("apply_plan", 7),
        ("decline_plan", 7),
        ("schema", "sometimes"),
    ],
)
def test_a_param_that_makes_no_sense_is_refused(dagbag: DagBag, name: str, value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    param = dagbag.dags["kobo_sync"].params.get_param(name)
    with pytest.raises(ParamValidationError, match="Failed validating"):
        param.resolve(value)


def test_a_schedule_may_use_the_former_name_of_a_mode(dagbag: DagBag) -> None:
    assert dagbag.dags["kobo_sync"].params.get_param("mode").resolve("usual") == "usual"


@pytest.mark.parametrize(("name", "dag_id"), [("KOBO_SYNC", "kobo_sync"), ("KOBO_VERIFY", "kobo_verify")])
def test_it_is_late_after_the_minutes_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, dag_id: str
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv(f"{name}_DEADLINE_MINUTES", "60")
    dag: Any = DagBag(str(ROOT / "dags" / f"{dag_id}.py")).dags[dag_id]
    assert [alert.interval.total_seconds() for alert in dag.deadline] == [3600]


def test_every_task_takes_its_slots_of_the_pool(dag: Any) -> None:
    slots = {task.task_id: (task.pool, task.pool_slots) for task in dag.tasks}
    readers = ("pull", "sync")
    assert slots == {task_id: ("kobo_api", 4 if task_id in readers else 1) for task_id in slots}


def test_each_group_holds_its_tasks(dagbag: DagBag) -> None:
    groups = dagbag.dags["kobo_sync"].task_group.children.values()
    assert [(group.group_display_name, list(group.children)) for group in groups] == [
        ("Get ready", ["prepare", "register_webhook"]),
        ("Read what is new", ["plan", "pull"]),
        ("Compare and settle", ["reconcile"]),
        ("Finish", ["publish", "release"]),
    ]


def test_the_steps_of_a_sync_follow_each_other(dagbag: DagBag) -> None:
    dag = dagbag.dags["kobo_sync"]
    downstream = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert downstream == {
        "prepare": {"register_webhook", "plan", "pull", "reconcile", "publish", "release"},
        "register_webhook": {"release"},
        "plan": {"pull"},
        "pull": {"reconcile"},
        "reconcile": {"publish"},
        "publish": {"release"},
        "release": set(),
    }
    assert dag.get_task("prepare").is_setup
    assert dag.get_task("release").is_teardown
    assert [asset.name for asset in dag.get_task("publish").outlets] == ["kobo_records"]


def test_no_plugin_fails_to_load() -> None:
    program = (
        "from airflow import plugins_manager as manager\n"
        "manager.ensure_plugins_loaded()\n"
        "print(manager.get_import_errors(), sorted(plugin['name'] for plugin in manager.get_plugin_info([])))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    last = done.stdout.splitlines()[-1]
    assert last.startswith("{} ["), last
    assert "'kobo_mirror_notes'" in last


def test_airflow_finds_the_connection_type_without_an_installation() -> None:
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    hook = ProvidersManagerTaskRuntime().hooks["kobo"]
    assert hook is not None
    assert hook.hook_name == "KoboToolbox"
    assert hook.hook_class_name == "kobo_mirror.airflow.hooks.KoboHook"


def test_ruff_finds_nothing_of_an_older_airflow() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select", "AIR", "dags", "plugins"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_parsing_a_dag_imports_nothing_that_only_a_task_needs() -> None:
    heavy = ("kobo_mirror.kobo.form", "kobo_mirror.store", "kobo_mirror.sync")
    program = (
        "import runpy, sys\n"
        f"for name in {sorted(FILES)}: runpy.run_path(f'dags/{{name}}.py')\n"
        f"sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
