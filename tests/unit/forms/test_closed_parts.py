"""Births go to a later part once the database adds no more columns to one without a copy of it."""

from __future__ import annotations

from dataclasses import replace

from kobo_mirror.forms.compare import lacking
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import grow
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.parts import with_closed_part
from kobo_mirror.forms.question_types import POINT_FACETS
from tests.support.forms.surveys import V1, V2, V3, ask, repeat, survey

WIDE = [*V1, *ask("geopoint", "home"), *ask("text", "last")]


def columns_of(schema: FormSchema, table: int = 0) -> set[str]:
    return {column.name for column in schema.tables[table].columns}


def placed(schema: FormSchema, table: int = 0) -> dict[str, int]:
    return {column.name: column.part for column in schema.tables[table].columns if column.path}


def test_what_is_not_there_goes_to_the_next_part_in_the_same_order() -> None:
    before, after = survey(V1), survey(V1, WIDE)
    moved = with_closed_part(after, "survey", columns_of(before))
    assert lacking(before, moved) == []
    assert moved.root.closed == 1
    stay, go = ("name", "age", "members__rows"), ("home", *(f"home__{f}" for f in POINT_FACETS), "last")
    assert placed(moved) == dict.fromkeys(stay, 1) | dict.fromkeys(go, 2)
    order = [[(c.name, c.position) for c in schema.root.columns] for schema in (after, moved)]
    assert order[0] == order[1]
    assert moved.fingerprint != after.fingerprint
    assert FormSchema.from_json(moved.to_json()) == moved


def test_what_is_there_already_stays() -> None:
    after = survey(V1, WIDE)
    there = columns_of(survey(V1)) | {"home", "home__lat", "home__lon", "home__alt", "home__acc"}
    assert placed(with_closed_part(after, "survey", there)) == placed(after) | {"last": 2}
    assert with_closed_part(after, "survey", columns_of(after)) is not after
    assert with_closed_part(after, "survey", columns_of(after)) == after
    assert with_closed_part(after, "survey__2", set()) == after


def test_later_versions_go_on_with_the_open_part() -> None:
    schema = with_closed_part(survey(V1, WIDE), "survey", columns_of(survey(V1)))
    grown = grow(schema, read_version("v3", {"survey": [*WIDE, *ask("date", "day")]}))
    assert placed(grown) == placed(schema) | {"day": 2}
    again = with_closed_part(grown, "survey__2", columns_of(schema))
    assert placed(again) == placed(schema) | {"day": 3}
    assert again.root.closed == 2


def test_a_part_that_is_closed_without_births_takes_none() -> None:
    schema = with_closed_part(survey(V1, V2), "survey__members", columns_of(survey(V1), 2))
    assert set(placed(schema, 2).values()) == {1, 2}
    grown = grow(schema, read_version("v3", {"survey": V3}))
    assert placed(grown)["age__text"] == 1
    assert [table.closed for table in grown.tables] == [0, 0, 1, 0]


def test_that_a_part_is_closed_shapes_no_row() -> None:
    schema = survey(V1)
    closed = replace(schema, tables=tuple(replace(table, closed=1) for table in schema.tables))
    assert closed.fingerprint == schema.fingerprint
    assert FormSchema.from_json(closed.to_json()) == closed
    rows = [*V1, *repeat("more", ask("text", "some"))]
    assert placed(grow(closed, read_version("v2", {"survey": rows})))["more__rows"] == 2
