"""A form as it grows in practice, its submissions as a server shows them, and all rows that they become."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.submissions.shaper import Shaper
from tests.support.judge.verdict import faults

HOUSEHOLD = json.loads((Path(__file__).parent / "whole" / "household.json").read_text())
ANEW = ("before the server parsed it anew", "after it did, for a validation")
OF_A_VALIDATION = {"validation_status", "validation_by", "validation_time"}


@cache
def schema() -> FormSchema:
    versions = [read_version(uid, content) for uid, content in HOUSEHOLD["versions"].items()]
    return derive("aHouseholds00000000001", "Households", versions)


def as_json(row_set: RowSet) -> dict[str, Any]:
    """A row set as the file has it: times in ISO 8601, no NULL."""
    rows = {
        f"{row.table.name} {row.pos}".strip(): {
            name: cell.isoformat() if hasattr(cell, "isoformat") else cell
            for name, cell in row.cells.items()
            if cell is not None
        }
        | ({"extra": row.extra} if row.extra else {})
        for row in row_set.rows
    }
    return {
        "rows": rows,
        "rejected": [list(cell) for cell in row_set.rejected],
        "files": [list(file) for file in row_set.files],
    }


@pytest.mark.parametrize("name", HOUSEHOLD["documents"])
def test_a_whole_submission_becomes_all_its_rows(name: str) -> None:
    document = HOUSEHOLD["documents"][name]
    row_set = Shaper(schema()).shape(document)
    assert as_json(row_set) == HOUSEHOLD["row_sets"][name]
    assert faults(schema(), document, row_set) == []


def test_a_validation_alone_changes_what_it_says_and_no_answer() -> None:
    before, after = (HOUSEHOLD["row_sets"][name]["rows"] for name in ANEW)
    assert "field/crop" in HOUSEHOLD["documents"][ANEW[0]]
    assert isinstance(HOUSEHOLD["documents"][ANEW[1]]["field"], list)
    root = {name: cell for name, cell in after["households"].items() if name not in OF_A_VALIDATION}
    assert {**after, "households": root} == before


def test_a_row_set_is_of_one_schema_whatever_the_version_of_the_submission() -> None:
    """``__version__`` decides nothing but the cell that holds it."""
    for document in HOUSEHOLD["documents"].values():
        row_set, other = (
            Shaper(schema()).shape(document | {"__version__": version}) for version in ("v1", "vUnknown")
        )
        place = row_set.rows[0].table.cell_names.index("form_version")
        assert other.rows[0].values.pop(place) == "vUnknown"
        assert row_set.rows[0].values.pop(place) == "v1"
        assert other == row_set
