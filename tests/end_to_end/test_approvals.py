"""Plans that are approved and cannot be applied at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from kobo_mirror.cli.status import status
from kobo_mirror.store.leases import take_lease
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.tables import run_sql

FIRST = content(row("begin_group", "people"), row("text", "head"), row("end_group"))
MOVED = content(row("begin_repeat", "people"), row("text", "head"), row("end_repeat"))


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[AnyMirror]:
    file = form_file(tmp_path, "approvals", FIRST, rows=4)
    database = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with (
        SimulatorProcess(form=[file]) as simulator,
        any_mirror(simulator, uid_of("approvals"), database) as made,
    ):
        yield made


def test_an_approval_outlives_a_sync_that_fails_and_may_be_taken_back(mirror: AnyMirror) -> None:
    mirror.sync()
    mirror.control.deploy(MOVED)
    mirror.sync()
    code = status(mirror.engine)["waiting_plan"]
    found, out, errors = mirror.command("apply", code, KOBO_TOKEN="wrong")
    assert (found, "KOBO_TOKEN was refused" in errors) == (2, True)
    assert "approved, and not applied yet: the next sync applies it." in out
    assert f"apply --decline {code}" in out
    assert mirror.command("apply", "--decline", code)[0] == 0
    assert "have changed" not in mirror.sync()["sentence"]
    assert mirror.command("apply", code, KOBO_TOKEN="wrong")[0] == 2
    assert "the tables have changed: people is a repeat now" in mirror.sync()["sentence"]
    found, out, _ = mirror.command("apply", code, KOBO_TOKEN="wrong")
    assert (found, out) == (2, "")


@pytest.mark.long
def test_an_approval_waits_for_the_sync_that_runs(mirror: AnyMirror) -> None:
    mirror.sync()
    mirror.control.deploy(MOVED)
    mirror.sync()
    code = status(mirror.engine)["waiting_plan"]
    take_lease(mirror.engine, mirror.simulator.asset, "another")
    found, out, _ = mirror.command("apply", code)
    assert (found, "approved, and not applied yet" in out) == (0, True)
    assert "is still to be applied" in " ".join(status(mirror.engine)["findings"])
    run_sql(mirror.engine, "UPDATE kobo_leases SET holder = NULL")
    mirror.sync()
    assert inspect(mirror.engine).has_table("approvals__people")
    assert mirror.found() == mirror.wanted()
