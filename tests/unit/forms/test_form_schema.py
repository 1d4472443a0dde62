"""The schema of a form: stored as JSON, and the fingerprint of its shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import Column, FormSchema, Status, Table
from kobo_mirror.forms.question_types import Kind

SCHEMA = derive(
    "aUid",
    "Survey",
    [
        read_version(
            "v1",
            {
                "survey": [
                    {"type": "geopoint", "name": "gps", "label": ["Où ?"], "hint": ["🌱"], "$kuid": "k1"},
                    {"type": "begin_repeat", "name": "members"},
                    {"type": "select_one yn", "name": "ok"},
                    {"type": "end_repeat"},
                ],
                "choices": [{"list_name": "yn", "name": 1, "label": ["ሰላም"]}],
            },
        )
    ],
)


def test_what_is_stored_is_read_as_it_was() -> None:
    stored = SCHEMA.to_json()
    for raw in (stored, stored.decode()):
        assert FormSchema.from_json(raw) == SCHEMA
        assert FormSchema.from_json(raw).fingerprint == SCHEMA.fingerprint
    assert FormSchema.from_json(stored).to_json() == stored


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"", b"null", SCHEMA.to_json().replace(b'"key"', b'"lock"')])
def test_what_was_stored_otherwise_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        FormSchema.from_json(raw)


def first_column(change: Callable[[Column], Column]) -> FormSchema:
    root = SCHEMA.root
    at = next(index for index, column in enumerate(root.columns) if column.path == "gps")
    columns = (*root.columns[:at], change(root.columns[at]), *root.columns[at + 1 :])
    return with_root(replace(root, columns=columns))


def with_root(root: Table) -> FormSchema:
    return replace(SCHEMA, tables=(root, *SCHEMA.tables[1:]))


SAME: list[FormSchema] = [
    first_column(lambda c: replace(c, labels={}, hints={})),
    first_column(lambda c: replace(c, position=99, kuid="other", first_version="v0", last_version="v9")),
    first_column(lambda c: replace(c, status=Status.REMOVED)),
    first_column(lambda c: replace(c, question_type="image", list_name="l")),
    with_root(replace(SCHEMA.root, labels={"default": "x"}, status=Status.REMOVED)),
    replace(SCHEMA, choices=(), reading_order=(), versions=("other",)),
]
OTHER: list[FormSchema] = [
    first_column(lambda c: replace(c, name="other")),
    first_column(lambda c: replace(c, path="other")),
    first_column(lambda c: replace(c, facet="lat")),
    first_column(lambda c: replace(c, kind=Kind.KEY)),
    first_column(lambda c: replace(c, part=2)),
    first_column(lambda c: replace(c, names_file=True)),
    first_column(lambda c: replace(c, status=Status.NARROWED)),
    first_column(lambda c: replace(c, status=Status.MOVED)),
    with_root(replace(SCHEMA.root, name="other")),
    with_root(replace(SCHEMA.root, columns=SCHEMA.root.columns[::-1])),
    with_root(replace(SCHEMA.root, columns=SCHEMA.root.columns[:-1])),
    replace(SCHEMA, tables=SCHEMA.tables[:-1]),
    replace(SCHEMA, repeats=()),
    replace(SCHEMA, declared={"gps": "place"}),
]


@pytest.mark.parametrize("schema", SAME)
def test_what_people_read_changes_no_fingerprint(schema: FormSchema) -> None:
    assert schema != SCHEMA
    assert schema.fingerprint == SCHEMA.fingerprint


def test_what_shapes_rows_changes_the_fingerprint() -> None:
    fingerprints = {schema.fingerprint for schema in (SCHEMA, *OTHER)}
    assert len(fingerprints) == 1 + len(OTHER)
    assert {len(fingerprint) for fingerprint in fingerprints} == {16}
