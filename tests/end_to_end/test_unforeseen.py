"""A fault of ours in one of many forms: it is told, and the others go on."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.sync.form_schema import FormTables
from tests.end_to_end.test_cli_many_forms import ALL
from tests.support.forms.office import HOUSE, NOTES, VISIT, Office


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_fault_of_ours_in_one_form_stops_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.write(ALL)
    assert office.run("sync")[0] == 0
    for uid in (HOUSE, VISIT, NOTES):
        office.form(uid).create(2)

    def broken(tables: FormTables, *given: Any, **options: Any) -> Any:
        if tables.client.form_key == VISIT:
            raise KeyError("an answer")
        return bring_up(tables, *given, **options)

    bring_up = FormTables.bring_up
    monkeypatch.setattr(FormTables, "bring_up", broken)
    code, lines, err = office.run("sync")
    assert (code, len(lines)) == (1, 2)
    assert err.startswith(
        "error: visits: It ended by an error that was not foreseen: KeyError in test_unforeseen.py, line "
    )
    assert "an answer" not in err
    assert office.counts() == {"households": 14, "visits": 30, "notes": 7}
