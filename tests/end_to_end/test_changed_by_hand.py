"""What a person changed by hand in the bookkeeping ends no sync with a traceback."""

from __future__ import annotations

import pytest

from tests.support.mirroring import Mirroring
from tests.support.tables import queued_refs, records, run_sql

ODD_NAMES = ["not json", '"text"', "7", "{}", "[1, null]", "[[]]", "[" * 5000]
ODD_IDS = ["abc", "", " 7", "-7", "07", "1e3", "7.5", str(2**63), "9" * 60]


@pytest.mark.parametrize("names", ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_odd_names_of_a_form_are_learnt_anew(embedded: Mirroring, names: str) -> None:
    embedded.sync()
    run_sql(embedded.engine, f"UPDATE kobo_forms SET id_strings = '{names}'".replace(":", "\\:"))
    (new,) = embedded.simulator.control.create(1)
    code, _, err = embedded.command("sync")
    assert (code, "Traceback" in err) == (0, False)
    assert new in records(embedded.engine)


def test_entries_that_are_no_id_are_dropped_and_told(mirroring: Mirroring) -> None:
    mirroring.sync()
    asset = mirroring.simulator.asset
    for ref in ODD_IDS:
        run_sql(
            mirroring.engine,
            "INSERT INTO kobo_to_fetch (asset_uid, kind, ref, reason, asked_at, attempts) "
            f"VALUES ('{asset}', 'id', '{ref}', 'by hand', '2026-01-01 00:00:00.000000', 0)",
        )
    code, _, err = mirroring.command("sync", "--mode", "exact")
    assert (code, "Traceback" in err) == (0, False)
    assert "entries that are no id: they are dropped" in err
    assert queued_refs(mirroring.engine) == {}
    assert len(records(mirroring.engine)) == 300
