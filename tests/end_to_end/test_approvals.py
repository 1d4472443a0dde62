"""What ``apply`` tells of a plan that it approved and could not apply."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kobo_mirror.cli.status import status
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of

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
