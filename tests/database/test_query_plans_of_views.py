"""A reader who asks a view for one submission reads no table from one end to the other."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Connection, Engine, inspect, text

from kobo_mirror.config.view_kinds import FURTHER_VIEWS
from kobo_mirror.store.views import bring_up_views
from tests.support.forms.applied import Applying
from tests.support.forms.hostile import content, hostile
from tests.support.forms.surveys import ask
from tests.support.query_plans import grow

ROWS, COPIES = 50, 6
TABLES = ["survey", "survey__2", "survey__kids"]


def walked(connection: Connection, query: str) -> list[str]:
    """What a query reads from one end to the other, of the tables that views call ``t1`` and so on."""
    if connection.dialect.name == "sqlite":
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
        return [step for step in plan if re.match(r"SCAN t\d", step)]
    rows = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {query}").mappings().all()
    return [
        f"{row['table']} by {row['key']}"
        for row in rows
        if row["type"] in ("ALL", "index") and re.fullmatch(r"t\d+", str(row["table"]))
    ]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Views of a form that has a part and a repeat, with 3,200 submissions."""
    applying, asked = Applying(engine), content()
    asked["survey"][-1:-1] = [*ask("geopoint", "school"), *ask("geotrace", "way")]
    asked["survey"] += [*ask("geopoint", "home"), *ask("geoshape", "field")]
    asked["survey"] += [row for number in range(220) for row in ask("text", f"q{number}")]
    schema = hostile(asked)
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease, FURTHER_VIEWS) is None
    with engine.begin() as connection:
        for number in range(ROWS):
            cells = {"id": number, "one": "script", "many": "script unknown"}
            for statement in (
                "INSERT INTO survey (kobo_id, one, many, hundreds) VALUES (:id, :one, :many, 'n5')",
                "INSERT INTO survey__2 (kobo_id) VALUES (:id)",
                "INSERT INTO survey__kids (kobo_id, pos, toys) VALUES (:id, 1, :many)",
            ):
                connection.execute(text(statement), cells)
        grow(connection, TABLES, COPIES, {})
    return engine


def test_one_submission_is_found_by_its_key_in_each_view(filled: Engine) -> None:
    views = {*inspect(filled).get_view_names()} - {"kobo_rejected"}
    endings = {
        f"{table}__{one}" for table in ("survey", "survey__kids") for one in ("full", "en", "wide", "geo")
    }
    assert endings | {"survey__choices"} <= views
    with filled.connect() as connection:
        found = {view: walked(connection, f"SELECT * FROM `{view}` WHERE kobo_id = 7") for view in views}
        assert {view for view, steps in found.items() if steps} == set()
        rows = connection.execute(text("SELECT choice FROM survey__choices WHERE kobo_id = 7"))
        assert sorted(rows.scalars()) == ["n5", "script", "script", "script", "unknown", "unknown"]
        assert walked(connection, "SELECT * FROM survey__full WHERE one = 'x'")  # the check can fail
        joined = (
            "SELECT * FROM survey__full h JOIN survey__kids__en k ON k.kobo_id = h.kobo_id "
            "WHERE h.kobo_id = 7"
        )
        assert walked(connection, joined) == []
