"""Payloads of deleted submissions are not kept, and letters of another form are not taken, by any path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kobo_mirror.store.dead_letters import keep
from kobo_mirror.sync.replay import replay_dead_letters
from tests.support.mirroring import Mirroring
from tests.support.tables import ledger, letters, records


@pytest.mark.parametrize(("setting", "stays"), [("rejected", False), ("all", True)])
@pytest.mark.parametrize("fits", [True, False])
def test_a_delete_takes_the_payload_along_unless_all_are_kept(
    mirroring: Mirroring, setting: str, stays: bool, fits: bool
) -> None:
    control = mirroring.simulator.control
    kobo_id = control.ids()[0]
    if not fits:
        control.edit(kobo_id, cd_age="forty")
    mirroring.sync(keep_payloads=setting)
    held = ledger(mirroring.engine)[kobo_id]
    assert held["state"] == ("applied" if fits else "rejected")
    assert (held["payload"] is not None) is (stays or not fits)
    control.delete(kobo_id)
    mirroring.sync(keep_payloads=setting)
    tombstone = ledger(mirroring.engine)[kobo_id]
    assert tombstone["state"] == "deleted"
    assert (tombstone["payload"] is not None) is stays


@pytest.mark.parametrize("named", ["aAnotherFormOfTheirs01", "", 7])
@pytest.mark.parametrize("known", [True, False])
def test_a_letter_of_another_form_stays_a_letter(mirroring: Mirroring, named: Any, known: bool) -> None:
    """Whatever form it was posted for, and whether its ``_id`` is one of ours."""
    mirroring.sync()
    before = records(mirroring.engine), ledger(mirroring.engine)
    row = mirroring.simulator.control.rows(mirroring.simulator.control.ids()[0])[0]
    foreign = row | {"_xform_id_string": named, "_uuid": "another", "sec_c/cd_age": "99"}
    foreign |= {} if known else {"_id": row["_id"] + 1_000_000}
    asset = mirroring.simulator.asset
    letter = keep(
        mirroring.engine, body=json.dumps(foreign).encode(), source="webhook", reason="x", asset_uid=asset
    )
    (fate,) = replay_dead_letters(mirroring.engine, mirroring.mirror, "rejected", ids=[letter])
    assert (fate.result, fate.id) == ("refused", letter)
    assert (records(mirroring.engine), ledger(mirroring.engine)) == before
    (kept,) = letters(mirroring.engine)
    assert kept["replayed_at"] is None
    assert json.loads(kept["body"]) == foreign
