"""Codebooks: as CSV, as a data package, as dbt's sources; read by others' rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from frictionless import Package
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, inspect

from kobo_mirror.export.codebooks import codebook_of
from kobo_mirror.store.views import bring_up_views
from tests.support.exports import read_csv
from tests.support.forms import judging
from tests.support.forms.applied import Applying
from tests.support.forms.histories import histories
from tests.support.forms.hostile import LABELS, content, hostile
from tests.support.forms.surveys import ask, survey
from tests.support.tables import run_sql

SOURCE_KEYS = {"name", "description", "schema", "tables"}
TABLE_KEYS = {"name", "description", "columns"}
COLUMN_KEYS = {"name", "description", "tests"}
FEW = settings(
    max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def lines_of(raw: bytes) -> list[dict[str, str | None]]:
    header, *lines = read_csv(raw)
    return [dict(zip(map(str, header), line, strict=True)) for line in lines]


def check_sources(engine: Engine, raw: bytes) -> dict[str, Any]:
    """The file has dbt's shape; what it names is in the database."""
    told = yaml.safe_load(raw)
    assert told.keys() == {"version", "sources"}
    (source,) = told["sources"]
    assert source.keys() <= SOURCE_KEYS
    found = inspect(engine)
    there = {*found.get_table_names(), *found.get_view_names()}
    tables: dict[str, Any] = {table["name"]: table for table in source["tables"]}
    assert len(tables) == len(source["tables"])
    assert tables.keys() <= there
    for name, table in tables.items():
        assert table.keys() <= TABLE_KEYS
        columns = {column["name"]: column for column in table["columns"]}
        assert [*columns] == [column["name"] for column in table["columns"]]
        assert {*columns} == {column["name"] for column in found.get_columns(name)}
        for column in columns.values():
            assert column.keys() <= COLUMN_KEYS
            for test in column.get("tests", ()):
                if test not in ("unique", "not_null"):
                    to = test["relationships"]["to"]
                    other = to.removeprefix(f"source('{source['name']}', '").removesuffix("')")
                    assert test["relationships"]["field"] in {c["name"] for c in tables[other]["columns"]}
    return tables


def check_codebooks(applying: Applying, data: st.DataObject, folder: Path) -> None:
    versions = data.draw(histories(versions=2, most=8))
    try:
        for schema in judging.grown(versions)[1:]:
            applying.apply(schema)
        refused = bring_up_views(applying.engine, schema, applying.lease)
        assert refused is None or "more columns than SQLite takes" in refused
        package = json.loads(codebook_of(applying.engine, None, folder / "datapackage.json"))
        Package.from_descriptor(package)  # it raises where one is no data package
        fields = {
            (one["path"].removesuffix(".csv"), field["name"])
            for one in package["resources"]
            for field in one["schema"]["fields"]
        }
        lines = lines_of(codebook_of(applying.engine, None, folder / "c.csv"))
        assert {(line["table"], line["column"]) for line in lines} == fields
        check_sources(applying.engine, codebook_of(applying.engine, None, folder / "s.yml"))
    finally:
        applying.forget()


@given(data=st.data())
@FEW
def test_codebooks_of_any_form_are_well_formed(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check_codebooks(Applying(engine), data, tmp_path_factory.mktemp("codebooks"))


@pytest.mark.long
@given(data=st.data())
@settings(FEW, max_examples=25)
def test_codebooks_of_many_forms_are_well_formed(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check_codebooks(Applying(engine), data, tmp_path_factory.mktemp("codebooks"))


def test_a_view_that_was_never_made_is_no_source(engine: Engine, tmp_path: Path) -> None:
    applying = Applying(engine)
    schema = survey(ask("text", "village"))
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease) is None
    assert "survey__full" in check_sources(engine, codebook_of(engine, "survey", tmp_path / "s.yml"))
    run_sql(engine, "DROP VIEW survey__full")
    assert "survey__full" not in check_sources(engine, codebook_of(engine, "survey", tmp_path / "s.yml"))
    applying.forget()


@pytest.mark.long
def test_every_column_and_choice_of_a_hostile_form_is_told(engine: Engine, tmp_path: Path) -> None:
    applying = Applying(engine)
    asked = content({"jinja": "{{ env_var('SECRET') }} {% raw %}"})
    asked["survey"][0]["label"] = ["{{ env_var('SECRET') }}", "=1+1", None]
    schema = hostile(asked)
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease) is None
    lines = lines_of(codebook_of(engine, "survey", None))
    assert len([line for line in lines if line["column"] == "hundreds" and line["choice"]]) == 300
    choices = {line["choice"]: line for line in lines if line["column"] == "one" and line["choice"]}
    told = {name: label.encode("utf-16", "surrogatepass").decode("utf-16") for name, label in LABELS.items()}
    assert {name: choices[name]["label_en"] for name in told} == told
    (question,) = (line for line in lines if line["column"] == "one" and not line["choice"])
    assert (question["label"], question["label_ar"]) == ("{{ env_var('SECRET') }}", "=1+1")
    tables = check_sources(engine, codebook_of(engine, "survey", tmp_path / "s.yml"))
    (one,) = (column for column in tables["survey"]["columns"] if column["name"] == "one")
    assert one["description"] == "{{ '{{' }} env_var('SECRET') }} (one)"
    kids = {column["name"]: column for column in tables["survey__kids__full"]["columns"]}
    assert kids["key"]["tests"] == ["unique", "not_null"]
    assert kids["parent_key"]["tests"][1]["relationships"]["field"] == "key"
    applying.forget()
