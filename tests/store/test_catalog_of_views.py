"""What the catalog says of views is compared by verify, and written anew by the next sync."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.store.views import bring_up_views, differences_of_views
from tests.support.forms.applied import Applying
from tests.support.forms.hostile import content, hostile
from tests.support.forms.judging import UID
from tests.support.forms.surveys import V2
from tests.support.forms.views_made import again, made, rows
from tests.support.tables import run_sql

LOST = "DELETE FROM kobo_tables WHERE kind = 'view'"


def differences(applying: Applying) -> list[str]:
    assert applying.schema
    with reading(applying.engine) as connection:
        return differences_of_views(connection, applying.schema)


def told(engine: Engine) -> list[object]:
    columns = "SELECT * FROM kobo_view_columns ORDER BY view_name, position"
    return [rows(engine, "SELECT * FROM kobo_tables ORDER BY table_name"), rows(engine, columns)]


NAME = "view_name = 'survey__full' AND column_name = 'name'"
INTO = "INSERT INTO kobo_view_columns (asset_uid, view_name, column_name, position, facet)"
TABLE = "INSERT INTO kobo_tables (asset_uid, table_name, kind, path, status)"
CHANGED = {
    LOST: "kobo_tables lacks survey__full; kobo_tables lacks survey__members__full",
    f"{LOST} AND table_name = 'survey__members__geo'": "kobo_tables lacks survey__members__geo",
    "UPDATE kobo_tables SET label = 'x' WHERE table_name = 'survey__full'": (
        "kobo_tables says something else of survey__full"
    ),
    f"{TABLE} VALUES ('{UID}', 'survey__x', 'view', '', 'active')": "kobo_tables has survey__x too many",
    f"UPDATE kobo_view_columns SET label = 'x' WHERE {NAME}": (
        "kobo_view_columns says something else of survey__full.name"
    ),
    f"DELETE FROM kobo_view_columns WHERE {NAME}": "kobo_view_columns lacks survey__full.name",
    f"{INTO} VALUES ('{UID}', 'survey__other', 'x', 1, '')": (
        "kobo_view_columns has survey__other.x too many"
    ),
    f"{INTO} VALUES ('{UID}', 'survey__full', 'x', 1, '')": "kobo_view_columns has survey__full.x too many",
}


@pytest.mark.parametrize("statement", CHANGED)
def test_what_was_changed_by_hand_is_named_and_written_anew(applying: Applying, statement: str) -> None:
    engine = applying.engine
    assert made(applying, V2) is None
    assert again(applying, "geo") is None
    before = told(engine)
    assert differences(applying) == []
    run_sql(engine, statement)
    assert CHANGED[statement] in "; ".join(differences(applying))
    assert again(applying, "geo") is None
    assert told(engine) == before
    assert differences(applying) == []


def test_labels_of_any_kind_are_as_they_were_written(applying: Applying) -> None:
    schema = hostile(content())
    applying.apply(schema)
    assert bring_up_views(applying.engine, schema, applying.lease, ("geo", "wide")) is None
    assert differences(applying) == []


@pytest.mark.parametrize("noted", ["NULL", "x'" + "00" * 16 + "'"])
def test_views_that_are_to_be_made_anew_are_left_to_the_next_sync(applying: Applying, noted: str) -> None:
    assert made(applying, V2) is None
    run_sql(applying.engine, LOST, f"UPDATE kobo_forms SET views_fingerprint = {noted}")
    assert differences(applying) == []
