"""Each case of the declared table's contract: it and the rest of the survey together lose nothing."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.submissions.shaper import Shaper
from kobo_mirror.submissions.values import Misfit, shape
from tests.support.judge.verdict import faults
from tests.support.submissions import submission
from tests.unit.submissions.contract.declared import CASES, DeclaredCase
from tests.unit.submissions.contract.forms import schema_of
from tests.unit.submissions.test_contract import homes

USUAL = {
    "submitted_by": "meg",
    "form_version": "vTestVersion0000000001",
    "root_uuid": "00000000-0000-4000-8000-000000000007",
}
TABLE = [column.name for column in KOBO_RECORDS.columns]


def document_of(case: DeclaredCase) -> dict[str, Any]:
    document = submission(7) | case.changes
    if case.section:
        within = {key: v for key, v in document.items() if key.startswith(f"{case.section}/")}
        document = {key: v for key, v in document.items() if key not in within} | {case.section: [within]}
    return document


def declared_cells(document: dict[str, Any]) -> dict[str, Any] | Misfit:
    found = shape(document, KOBO_RECORDS)
    return found if isinstance(found, Misfit) else dict(zip(TABLE, found, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_the_declared_table_and_the_rest_hold_a_submission(case: DeclaredCase) -> None:
    document = document_of(case)
    declared = declared_cells(document)
    if isinstance(declared, Misfit):
        assert declared.columns == (case.rejects or ("submission_time",))
    else:
        usual = declared_cells(submission(7))
        assert not isinstance(usual, Misfit)
        assert declared == usual | case.cells
        assert not case.rejects
    row_set = Shaper(schema_of(case.form)).shape(document)
    root = {name: cell for name, cell in (USUAL | case.root).items() if cell is not None}
    assert homes(row_set) == {
        "root": root, "rows": case.rows, "rejected": case.rejected, "files": case.files,
    }  # fmt: skip
    by_question = None
    if not isinstance(declared, Misfit):
        by_question = {column.question: declared[column.name] for column in KOBO_RECORDS.columns}
    assert faults(schema_of(case.form), document, row_set, by_question) == []


def test_every_submission_has_a_row_in_the_rest() -> None:
    schema = schema_of("survey")
    assert [table.name for table in schema.tables] == [
        "kobo_records__rest", "kobo_records", "kobo_records__files", "kobo_records__members",
    ]  # fmt: skip
    bare = Shaper(schema).shape({"_id": 7})
    assert [(row.table.name, row.cells, row.extra) for row in bare.rows] == [("kobo_records__rest", {}, {})]
    assert isinstance(shape({"_id": 7}, KOBO_RECORDS), Misfit)


def test_the_rest_has_what_the_declared_table_lacks() -> None:
    rest = schema_of("survey").root
    system = [column.name for column in rest.columns if not column.path]
    assert system == [
        "submitted_by", "form_version", "validation_status", "validation_by", "validation_time", "root_uuid",
        "instance_name", "extra", "inserted_at", "updated_at",
    ]  # fmt: skip
    assert [column.path for column in rest.columns if column.facet == "value"] == ["sec_c/cd_gps", "photo"]
