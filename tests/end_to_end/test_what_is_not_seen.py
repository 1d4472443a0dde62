"""A run that could not look at everything says so, and the light is not green."""

from __future__ import annotations

import pytest

from kobo_mirror.cli.status import status
from kobo_mirror.store.proofs import full_proof_is_due
from simulator.users import OWNER, OWNER_PERMISSIONS
from tests.support.mirroring import Mirroring
from tests.support.passing_time import pass_time
from tests.support.tables import records

PART = "only some of the form's submissions"


def told(mirroring: Mirroring) -> tuple[str, list[str]]:
    found = status(mirroring.engine)
    return found["light"], found["findings"]


def see_part(mirroring: Mirroring, *, part: bool) -> None:
    """Change the token's rights: to the submissions of one person, or to all."""
    rights = ("view_asset", "partial_submissions") if part else OWNER_PERMISSIONS
    names = ("enumerator_kgl",) if part else ()
    mirroring.simulator.control.user(mirroring.simulator.token, OWNER, rights, names)


@pytest.mark.parametrize("mode", ["incremental", "exact"])
def test_a_token_that_sees_a_part_is_said_everywhere(mirroring: Mirroring, mode: str) -> None:
    see_part(mirroring, part=True)
    sentence = mirroring.sync(mode=mode)["sentence"]
    held = len(records(mirroring.engine))
    assert 0 < held < len(mirroring.simulator.control.ids())
    assert f"this token sees {held} of its submissions" in sentence
    assert PART in mirroring.verify().sentence
    code, out, _ = mirroring.command("verify")
    assert (code, PART in out) == (0, True)
    light, reasons = told(mirroring)
    assert light == "amber"
    assert any(PART in reason for reason in reasons)

    see_part(mirroring, part=False)
    assert "the form has" in mirroring.sync(mode="exact")["sentence"]
    assert PART not in mirroring.verify().sentence
    assert told(mirroring) == ("green", [])


def test_a_part_of_the_history_that_was_missed_makes_a_full_proof_due(mirroring: Mirroring) -> None:
    control, engine, asset = mirroring.simulator.control, mirroring.engine, mirroring.simulator.asset
    control.edit(control.ids()[0], cd_age="33")
    mirroring.sync(mode="exact")
    mirroring.verify()
    assert told(mirroring) == ("green", [])
    control.age_history(3 * 86_400)
    control.form(lookback_days=1)
    pass_time(engine, 3 * 24 * 60)
    control.edit(control.ids()[1], cd_age="34")
    assert "the history could not be read" in mirroring.sync(mode="exact")["sentence"]
    light, reasons = told(mirroring)
    assert light == "amber"
    assert any("history was missed" in reason for reason in reasons)
    assert full_proof_is_due(engine, asset, 7)
    assert "(exact)" in mirroring.sync(mode="exact")["sentence"]
    assert told(mirroring)[0] == "amber", (
        "the next run read from where the history begins, not what it missed"
    )
    mirroring.verify()
    assert not full_proof_is_due(engine, asset, 7)
    assert told(mirroring) == ("green", [])


@pytest.mark.parametrize("refusal", [403, 404])
def test_a_history_that_may_not_be_read_is_said(mirroring: Mirroring, refusal: int) -> None:
    mirroring.simulator.control.form(history_refusal=refusal)
    permissions = [right for right in OWNER_PERMISSIONS if right != "manage_asset"]
    mirroring.simulator.control.user(mirroring.simulator.token, OWNER, permissions)
    assert "exact, but the history could not be read" in mirroring.sync(mode="exact")["sentence"]
