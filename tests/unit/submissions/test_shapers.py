"""What shapes documents is compiled once for a schema, however often a process reads that one."""

from __future__ import annotations

import pytest

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.submissions.shaped import shape_document
from kobo_mirror.submissions.shaper import Shaper
from tests.support.submissions import ASSET, SERVER, submission


def schema(*names: str) -> FormSchema:
    survey = [{"type": "text", "name": name} for name in names]
    return derive(ASSET, "f", [read_version("v1", {"survey": survey})])


def test_a_schema_that_is_read_again_is_neither_compiled_nor_compared_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, document = schema("only_here"), submission(7)
    shaped = shape_document(document, Mirror(None, SERVER, ASSET, first))
    twin = FormSchema.from_json(first.to_json())
    assert twin == first
    monkeypatch.setattr(FormSchema, "__eq__", lambda *_: pytest.fail("two schemas were compared"))
    monkeypatch.setattr(Shaper, "__init__", lambda *_: pytest.fail("a schema was compiled again"))
    assert shape_document(document, Mirror(None, SERVER, ASSET, twin)) == shaped


def test_a_process_may_meet_any_number_of_schemas() -> None:
    document = submission(7, town="Bor")
    for _ in range(2):
        for number in range(20):
            mirror = Mirror(None, SERVER, ASSET, schema("town", f"q{number}"))
            row_set = shape_document(document, mirror).row_set
            assert row_set and row_set.rows[0].cells["town"] == "Bor"
            assert f"q{number}" in {column.name for column in row_set.rows[0].table.columns}
