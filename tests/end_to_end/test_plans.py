"""A form that changes: what a sync applies by itself, what waits for a person, and what a code does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.mirroring import ROOT
from tests.support.passing_time import pass_time

PEOPLE = (row("begin_group", "people"), row("text", "head"), row("end_group"))
FIRST = content(row("text", "village"), row("integer", "age"), *PEOPLE)
ADDED = content(row("text", "village"), row("integer", "age"), row("date", "seen"), *PEOPLE)
RETYPED = content(row("text", "village"), row("text", "age"), *PEOPLE)
MOVED = content(
    row("text", "village"), row("integer", "age"), row("date", "seen"),
    row("begin_repeat", "people"), row("text", "head"), row("integer", "size"), row("end_repeat"),
)  # fmt: skip


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[AnyMirror]:
    file = form_file(tmp_path, "plans", FIRST, rows=6)
    database = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with (
        SimulatorProcess(form=[file]) as simulator,
        any_mirror(simulator, uid_of("plans"), database) as made,
    ):
        yield made


def run(mirror: AnyMirror, *arguments: str, code: int = 0, **changes: str) -> str:
    """Run a command; return what it printed."""
    found, out, errors = mirror.command(*arguments, **changes)
    assert found == code, errors
    return errors if code else out


def columns(mirror: AnyMirror, table: str = "plans") -> set[str]:
    return {column["name"] for column in inspect(mirror.engine).get_columns(table)}


def planned(mirror: AnyMirror, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(mirror, "plan", "--json", *options))
    return found


def status(mirror: AnyMirror) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(mirror, "status", "--json"))
    return found


def test_what_is_safe_is_shown_and_applied_and_kept_as_history(mirror: AnyMirror) -> None:
    assert {step["what"] for step in planned(mirror)["next_sync"]} == {"table"}
    run(mirror, "sync")
    assert planned(mirror)["next_sync"] == []
    assert "nothing is to be done" in run(mirror, "plan")
    mirror.control.deploy(ADDED)
    mirror.control.create(2)
    ahead = planned(mirror)
    (step,) = ahead["next_sync"]
    assert (step["care"], step["columns"], ahead["code"]) == ("safe", ["seen"], None)
    assert "seen" not in columns(mirror)
    assert "; the tables have changed: new in plans: seen" in run(mirror, "sync")
    assert "have changed" not in run(mirror, "sync")
    assert "seen" in columns(mirror)
    assert mirror.found() == mirror.wanted()
    with mirror.engine.connect() as connection:
        rows = connection.execute(text("SELECT policy, applied_at IS NOT NULL FROM kobo_plans")).all()
    assert [tuple(row) for row in rows] == [("additive", 1)] * 2


def test_another_kind_is_a_column_beside_and_the_form_is_read_anew(mirror: AnyMirror) -> None:
    run(mirror, "sync")
    mirror.control.deploy(RETYPED)
    shown = run(mirror, "plan")
    assert "costly   age__text in plans takes every answer to age from now on" in shown
    assert "All 6 submissions are read again" in shown
    run(mirror, "sync")
    assert {"age", "age__text"} <= columns(mirror)
    assert mirror.found() == mirror.wanted()
    assert run(mirror, "verify", "--full")


def test_a_move_waits_in_amber_while_the_rest_goes_on(mirror: AnyMirror) -> None:
    run(mirror, "sync")
    mirror.control.deploy(MOVED)
    mirror.control.create(4)
    run(mirror, "sync")
    assert "seen" in columns(mirror)
    assert not inspect(mirror.engine).has_table("plans__people")
    assert mirror.found() == mirror.wanted()
    told, ahead = status(mirror), planned(mirror)
    assert told["light"] == "amber"
    code = ahead["code"]
    assert code == told["waiting_plan"]
    assert told["next"].startswith(
        f"read it with `python -m kobo_mirror plan`, then run `python -m kobo_mirror apply {code}`"
    )
    (step,) = ahead["waiting"]
    assert (step["care"], step["what"], step["beside"]) == ("careful", "move", ["plans.head"])
    assert f"a change of its tables waits for a person: plan {code}" in run(mirror, "sync")
    assert planned(mirror)["code"] == code
    assert "10 changed" in run(mirror, "apply", code)
    assert inspect(mirror.engine).has_table("plans__people")
    assert mirror.found() == mirror.wanted()
    assert status(mirror)["waiting_plan"] is None
    assert "No plan waits under the code" in run(mirror, "apply", code, code=2)


def test_a_code_names_its_very_list(mirror: AnyMirror) -> None:
    run(mirror, "sync")
    mirror.control.deploy(MOVED)
    run(mirror, "sync")
    code = planned(mirror)["code"]
    further = json.loads(json.dumps(MOVED))
    further["survey"][-1:-1] = [row("begin_repeat", "pets"), row("text", "name"), row("end_repeat")]
    mirror.control.deploy(further)
    run(mirror, "sync")
    another = planned(mirror)["code"]
    assert another != code
    assert f"has the code {another}" in run(mirror, "apply", code, code=2)
    run(mirror, "apply", another)
    assert inspect(mirror.engine).has_table("plans__pets")
    assert mirror.found() == mirror.wanted()


@pytest.mark.long
def test_what_was_declined_is_not_asked_about_again(mirror: AnyMirror) -> None:
    run(mirror, "sync")
    mirror.control.deploy(MOVED)
    run(mirror, "sync")
    code = planned(mirror)["code"]
    assert "declined" in run(mirror, "apply", "--decline", code)
    run(mirror, "sync")
    told = status(mirror)
    assert not any("waits for a person" in finding for finding in told["findings"])
    assert planned(mirror)["declined"]
    assert told["declined_plan"] == code
    assert told["waiting_plan"] is None
    run(mirror, "apply", code)  # a person may think better of it
    assert inspect(mirror.engine).has_table("plans__people")


@pytest.mark.long
def test_reviewed_forms_wait_with_all_and_automatic_ones_with_nothing(mirror: AnyMirror) -> None:
    run(mirror, "sync", "--schema", "review")
    mirror.control.deploy(MOVED)
    mirror.control.create(3)
    run(mirror, "sync", "--schema", "review")
    assert "seen" not in columns(mirror)
    assert mirror.found() == mirror.wanted()
    assert len(planned(mirror, "--schema", "review")["waiting"]) == 2
    run(mirror, "sync", "--schema", "auto")
    assert "seen" in columns(mirror)
    assert inspect(mirror.engine).has_table("plans__people")
    assert mirror.found() == mirror.wanted()
    assert status(mirror)["waiting_plan"] is None


@pytest.mark.long
def test_a_large_form_is_read_anew_by_an_exact_run_alone(mirror: AnyMirror) -> None:
    few = {"KOBO_EXACT_UP_TO": "3"}
    for _ in range(2):  # a run is exact until an earlier one is a quarter of an hour old
        run(mirror, "sync", **few)
        pass_time(mirror.engine, 20)
    mirror.control.deploy(RETYPED)
    mirror.control.create(2)
    run(mirror, "sync", **few)
    assert "age__text" not in columns(mirror)
    assert mirror.found() == mirror.wanted()
    told = status(mirror)
    assert "the next exact sync does that" in " ".join(told["findings"])
    run(mirror, "sync", "--mode", "exact", **few)
    assert "age__text" in columns(mirror)
    assert mirror.found() == mirror.wanted()
    assert status(mirror)["waiting_plan"] is None


def test_an_approval_holds_whatever_the_run_may_do_by_itself(mirror: AnyMirror) -> None:
    """The run that noticed the plan was not to read the form anew; the one that applies it is due to."""
    few = {"KOBO_EXACT_UP_TO": "3"}
    run(mirror, "sync", **few)
    mirror.control.deploy(content(row("text", "village"), row("text", "age"), *MOVED["survey"][3:]))
    run(mirror, "sync", **few)
    code = status(mirror)["waiting_plan"]
    with mirror.engine.begin() as connection:
        connection.execute(text("UPDATE kobo_sync_runs SET finished_at = datetime(finished_at, '-2 days')"))
    assert "waits for" not in run(mirror, "apply", code, **few)
    with mirror.engine.connect() as connection:
        query = text("SELECT approved_at <= applied_at FROM kobo_plans WHERE code = :code")
        assert connection.execute(query, {"code": code}).scalar_one()
    assert "age__text" in columns(mirror)
    assert inspect(mirror.engine).has_table("plans__people")
    assert mirror.found() == mirror.wanted()


def test_a_plan_that_is_looked_at_keeps_nothing_from_being_applied(mirror: AnyMirror) -> None:
    run(mirror, "sync")
    mirror.control.deploy(MOVED)
    run(mirror, "sync")
    further = json.loads(json.dumps(MOVED))
    further["survey"].insert(0, row("text", "note"))
    further["survey"][1]["label"] = ["Village or camp"]
    mirror.control.deploy(further)
    for _ in range(2):
        assert [step["what"] for step in planned(mirror)["next_sync"]] == ["columns", "labels"]
    run(mirror, "sync")
    assert "note" in columns(mirror)
    with mirror.engine.connect() as connection:
        told = connection.execute(
            text("SELECT versions FROM kobo_plans WHERE applied_at IS NOT NULL ORDER BY noticed_at DESC")
        ).scalars()
        assert len(json.loads(next(iter(told)))) == 1


@pytest.mark.long
def test_a_policy_that_is_tried_is_not_noted(mirror: AnyMirror) -> None:
    run(mirror, "sync")
    mirror.control.deploy(ADDED)
    tried = planned(mirror, "--schema", "review")
    assert (len(tried["waiting"]), tried["code"]) == (1, None)
    assert status(mirror)["waiting_plan"] is None
    assert planned(mirror)["next_sync"]


def test_a_change_that_was_applied_is_not_taken_back_by_a_run_that_may_do_less(mirror: AnyMirror) -> None:
    run(mirror, "sync")
    second, third = json.loads(json.dumps(MOVED)), json.loads(json.dumps(MOVED))
    second["survey"].insert(0, row("integer", "pigs"))
    third["survey"].insert(0, row("text", "pigs"))
    for one in (second, third):
        mirror.control.deploy(one)
        mirror.control.create(2)
        pass_time(mirror.engine, 20)
        run(mirror, "sync")
    assert {"pigs", "pigs__text"} <= columns(mirror)
    third["survey"].insert(0, row("text", "note"))
    mirror.control.deploy(third)
    pass_time(mirror.engine, 20)
    told = run(mirror, "sync", KOBO_EXACT_UP_TO="3")
    assert "takes every answer" not in told
    assert mirror.found() == mirror.wanted()
    with mirror.engine.connect() as connection:
        found = connection.execute(text("SELECT status FROM kobo_columns WHERE column_name = 'pigs__text'"))
        assert found.scalar_one() == "active"


def test_the_documented_statements_answer(mirror: AnyMirror) -> None:
    documented = (ROOT / "docs" / "forms.md").read_text(encoding="utf-8")
    block = documented[documented.index("## When the form changes") :].split("```")[1].removeprefix("sql\n")
    statements = [one for one in block.split(";") if one.strip()]
    run(mirror, "sync")
    mirror.control.deploy(RETYPED)
    run(mirror, "sync")
    mirror.control.deploy(MOVED)
    run(mirror, "sync")
    with mirror.engine.connect() as connection:
        columns, question, waiting = ([*connection.execute(text(one))] for one in statements)
    assert ("plans", "village", "active", 1, 3) in [tuple(row) for row in columns]
    assert {row.column_name for row in question} == {"age", "age__text"}
    assert [row.code for row in waiting] == [planned(mirror)["code"]]


def test_a_name_that_is_taken_keeps_nothing_else_from_being_read(mirror: AnyMirror) -> None:
    run(mirror, "sync")
    with mirror.engine.begin() as connection:
        connection.execute(text("CREATE TABLE plans__pets (x INTEGER)"))
    further = json.loads(json.dumps(ADDED))
    further["survey"] += [row("begin_repeat", "pets"), row("text", "name"), row("end_repeat")]
    mirror.control.deploy(further)
    mirror.control.create(2)
    said = (run(mirror, "plan"), run(mirror, "sync"), " ".join(status(mirror)["findings"]))
    assert all("plans__pets is in the database and is none of ours" in one for one in said)
    assert mirror.found() == mirror.wanted()
    with mirror.engine.begin() as connection:
        connection.execute(text("DROP TABLE plans__pets"))
    run(mirror, "sync")
    assert mirror.found() == mirror.wanted()
    assert inspect(mirror.engine).has_table("plans__pets")
