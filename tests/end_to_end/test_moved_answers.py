"""Answers that a redeploy and a validation moved, as people meet them at the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.options import Options
from tests.support.mirroring import Mirroring
from tests.support.tables import ledger, records

MOVED = 20
REASON = "client_name: the answer to sec_c/cd_client_name is missing: sec_c is a repeat in this submission"


@pytest.fixture
def redeployed(mirroring: Mirroring) -> Mirroring:
    """A form that was synced, and was deployed anew with a group made a repeat."""
    mirroring.sync()
    mirroring.simulator.control.redeploy(repeat="sec_c")
    return mirroring


def move(mirroring: Mirroring) -> list[int]:
    """Have the server read some answers by its newest version; return whose."""
    control = mirroring.simulator.control
    ids = control.ids()[:MOVED]
    control.validate(ids, "on_hold")
    control.clear_validation(ids)
    return ids


def told(mirroring: Mirroring) -> Any:
    return json.loads(mirroring.command("status", "--json")[1])


def test_answers_that_move_before_the_next_sync_are_read_with_the_new_version(redeployed: Mirroring) -> None:
    """The set of repeats has changed: all is read anew, with or without the right to the history."""
    moved = move(redeployed)
    code, out, _ = redeployed.command("sync", "--mode", "exact", KOBO_TOKEN=Options().viewer_token)
    assert (code, out.startswith(f"success, with {MOVED} rejected: 0 new")) == (0, True), out
    assert redeployed.verify().equal
    is_rejected_with_its_answers(redeployed, moved)


def test_without_the_right_to_the_history_a_full_proof_tells_and_its_repair_mends(
    redeployed: Mirroring,
) -> None:
    mirroring = redeployed
    mirroring.sync()
    moved = move(mirroring)

    def run(*arguments: str) -> tuple[int, str]:
        code, out, err = mirroring.command(*arguments, KOBO_TOKEN=Options().viewer_token)
        return code, out + err

    code, said = run("sync", "--mode", "exact")
    assert (code, said.startswith("success: 0 new")) == (0, True)
    assert run("verify") == (0, "mirror equals source: 300 submissions, 0 differences\n")
    code, said = run("verify", "--full")
    assert code == 1
    assert f"mirror differs from source: 300 submissions, {MOVED} differences ({MOVED} stale)" in said
    assert told(mirroring)["light"] == "red"
    code, said = run("verify", "--full", "--repair")
    assert code == 0
    assert f"mirror equals source: 300 submissions, 0 differences, {MOVED} rejected" in said
    is_rejected_with_its_answers(mirroring, moved)


def test_with_the_history_the_next_sync_tells_how_many_fit_no_more(redeployed: Mirroring) -> None:
    mirroring = redeployed
    mirroring.sync()
    moved = move(mirroring)
    code, out, _ = mirroring.command("sync", "--mode", "exact")
    assert code == 0
    assert out.startswith(f"success, with {MOVED} rejected: 0 new")
    code, out, _ = mirroring.command("verify", "--full")
    assert (code, out) == (0, f"mirror equals source: 300 submissions, 0 differences, {MOVED} rejected\n")
    is_rejected_with_its_answers(mirroring, moved)


def is_rejected_with_its_answers(mirroring: Mirroring, moved: list[int]) -> None:
    """They are no rows any more, each is kept whole, and the light says how many, and why."""
    held = {kobo_id: row for kobo_id, row in ledger(mirroring.engine).items() if row["state"] == "rejected"}
    assert sorted(held) == moved
    assert records(mirroring.engine).keys().isdisjoint(moved)
    for shown in mirroring.simulator.control.rows(moved):
        assert json.loads(held[shown["_id"]]["payload"]) == shown
        assert held[shown["_id"]]["reason"].startswith(REASON)
    status = told(mirroring)
    assert (status["light"], status["rejected"]) == ("amber", MOVED)
    assert any(f"{MOVED} submissions" in finding for finding in status["findings"])
    assert status["rejections"][0][1].startswith(REASON)
