"""A person's word on a plan, and the policy, as parameters of a sync in one task and of its first step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.store.plans import StoredPlan, open_plan
from kobo_mirror.store.tables import sync_runs
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.tables import rows_of
from tests.support.task_runs import TaskRun

Connect = Callable[..., None]
OPERATORS = ("KoboOperator", "KoboPrepareOperator")
FIRST = content(row("begin_group", "people"), row("text", "head"), row("end_group"))
MOVED = content(row("date", "seen"), row("begin_repeat", "people"), row("text", "head"), row("end_repeat"))


@pytest.fixture
def mirror(tmp_path: Path, connect: Connect) -> Iterator[AnyMirror]:
    """A form of which a second version waits to be deployed, and the connections that name it."""
    file = form_file(tmp_path, "plans", FIRST, rows=6)
    database = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    connect("kobo_database", conn_type="generic", extra={"url": database})
    with SimulatorProcess(form=[file]) as running, any_mirror(running, uid_of("plans"), database) as made:
        extra = {"server": running.url, "asset_uid": running.asset}
        connect("kobo_default", conn_type="kobo", password=running.token, extra=extra)
        yield made


@pytest.fixture
def waiting(run: TaskRun, mirror: AnyMirror) -> StoredPlan:
    """The plan that waits after a sync of the second version."""
    run.execute("KoboOperator")
    mirror.control.deploy(MOVED)
    run.execute("KoboOperator")
    return plan_of(mirror)


def plan_of(mirror: AnyMirror) -> StoredPlan:
    with reading(mirror.engine) as connection:
        found = open_plan(connection, mirror.simulator.asset)
    assert found is not None
    return found


def has_moved(mirror: AnyMirror) -> bool:
    return inspect(mirror.engine).has_table("plans__people")


def test_a_plan_is_applied_by_its_code_and_a_task_that_is_tried_again_may_have_done_so(
    run: TaskRun, mirror: AnyMirror, waiting: StoredPlan
) -> None:
    assert not has_moved(mirror)
    for _ in range(2):
        run.execute("KoboOperator", apply_plan=waiting.code)
        assert has_moved(mirror)
    assert mirror.found() == mirror.wanted()


def test_the_first_step_applies_it_too(run: TaskRun, mirror: AnyMirror, waiting: StoredPlan) -> None:
    run.execute("KoboPrepareOperator", apply_plan=waiting.code, decline_plan="None", schema="kobo.yml")
    assert has_moved(mirror)


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_plan_that_is_declined_stays_away_and_the_note_says_so(
    run: TaskRun, mirror: AnyMirror, waiting: StoredPlan, operator: str
) -> None:
    run.execute(operator, decline_plan=waiting.code)
    said = f"The plan {waiting.code} was declined: the tables stay as they are."
    assert str(run.left["kobo_mirror_note"]).startswith(said)
    assert plan_of(mirror).declined_at is not None
    assert not has_moved(mirror)


def test_a_code_under_which_no_plan_waits_fails_the_run_before_it_begins(
    run: TaskRun, mirror: AnyMirror
) -> None:
    given = product(OPERATORS, ("apply_plan", "decline_plan"), ("0" * 12, "é" * 12, "'; DROP TABLE"))
    for operator, parameter, code in given:
        with pytest.raises(ConfigurationError, match="No plan waits under the code"):
            run.execute(operator, **{parameter: code})
    assert rows_of(mirror.engine, sync_runs) == []


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_plan_is_either_applied_or_declined(run: TaskRun, operator: str) -> None:
    with pytest.raises(ConfigurationError, match="were both given"):
        run.execute(operator, apply_plan="0" * 12, decline_plan="0" * 12)


@pytest.mark.parametrize(("schema", "is_applied"), [("auto", True), ("review", False)])
def test_the_policy_of_one_run_can_be_another(
    run: TaskRun, mirror: AnyMirror, schema: str, is_applied: bool
) -> None:
    run.execute("KoboOperator")
    mirror.control.deploy(MOVED)
    run.execute("KoboPrepareOperator", schema=schema)
    assert has_moved(mirror) == is_applied
    columns: Any = inspect(mirror.engine).get_columns("plans")
    assert ("seen" in {column["name"] for column in columns}) == (schema != "review")
