"""Exports as a data manager asks for them: each format, each option, each refusal, and what goes on meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from frictionless import Package

from simulator.process import SimulatorProcess
from tests.support.exports import package_of, read_export, types_of
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of

NAME = "households"
LANGUAGES = ["English (en)", "Français (fr)"]
HYPERLINK = '=HYPERLINK("http://evil.test","Click")'


def form() -> dict[str, Any]:
    return {
        "schema": "1",
        "translations": LANGUAGES,
        "survey": [
            {"type": "text", "name": "village", "label": ["Village", "Village"], "hint": ["Where?", "Où ?"]},
            {
                "type": "select_one",
                "name": "district",
                "select_from_list_name": "d",
                "label": ["District"] * 2,
            },
            {"type": "select_multiple", "name": "needs", "select_from_list_name": "d"},
            {"type": "decimal", "name": "area"},
            {"type": "datetime", "name": "seen"},
            {"type": "geopoint", "name": "place"},
            {"type": "geoshape", "name": "field"},
            {"type": "begin_repeat", "name": "members"},
            {"type": "integer", "name": "age"},
            {"type": "end_repeat"},
        ],
        "choices": [
            {"list_name": "d", "name": "n", "label": ["North", "{{ Nord }}"]},
            {"list_name": "d", "name": "s", "label": [HYPERLINK, None]},
        ],
        "settings": {},
        "translated": ["label", "hint"],
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    file = form_file(tmp_path_factory.mktemp("exports"), NAME, form(), rows=0)
    with SimulatorProcess(form=[file]) as running:
        yield running


@pytest.fixture
def mirror(served: SimulatorProcess, database_url: str) -> Iterator[AnyMirror]:
    with any_mirror(served, uid_of(NAME), database_url) as opened:
        opened.control.reset(rows=0)
        yield opened


def household(mirror: AnyMirror, *ages: int, **answers: str) -> int:
    (kobo_id,) = mirror.control.create(1)
    members = [{"members/age": str(age)} for age in ages]
    asked = {row["name"] for row in form()["survey"] if "name" in row}
    mirror.control.raw(kobo_id, {**answers, "members": members}, asked - {*answers, "members"})
    return int(kobo_id)


def exported(mirror: AnyMirror, file: str, *options: str) -> str:
    code, out, error = mirror.command("export", NAME, "--to", file, *options)
    assert (code, error) == (0, ""), error
    return out


def in_folder(mirror: AnyMirror, name: str) -> Path:
    return Path(mirror.folder.name) / name


def test_a_zip_is_a_valid_data_package_and_says_what_did_not_fit(mirror: AnyMirror) -> None:
    first = household(
        mirror, 3, 40, village=HYPERLINK, district="n", needs="n s", area="0." + "123456789" * 5
    )
    second = household(mirror, village="", area="0.30000000000000004", seen="2026-01-02T10:00:00.123+05:45")
    mirror.sync()
    out = exported(mirror, "h.zip")
    assert out == (
        "h.zip: 2 rows of households, 2 rows of households__members, 1 rows of rejected_answers; "
        "1 answers that no column could hold are in rejected_answers\n"
    )
    file = in_folder(mirror, "h.zip")
    package = package_of(file)
    report = Package(str(file)).validate()
    assert report.valid, report.flatten(["name", "type", "note"])
    tables = read_export(file, types_of(package))
    assert [(row["village"], row["area"]) for row in tables[NAME]] == [
        (HYPERLINK, None),
        ("", 0.30000000000000004),
    ]
    (rejected,) = tables["rejected_answers"]
    assert (rejected["key"], rejected["table_name"], rejected["question"]) == (str(first), NAME, "area")
    assert rejected["answer"] == "0." + "123456789" * 5
    assert [row["parent_key"] for row in tables[f"{NAME}__members"]] == [str(first)] * 2
    assert str(tables[NAME][1]["seen__local"]) == "2026-01-02 10:00:00.123000"
    fields = {field["name"]: field for field in package["resources"][0]["schema"]["fields"]}
    assert fields["district"]["constraints"] == {"enum": ["n", "s"]}
    assert fields["village"]["labels"] == {"en": "Village", "fr": "Village"}
    assert package["resources"][1]["schema"]["foreignKeys"] == [
        {"fields": ["parent_key"], "reference": {"resource": NAME, "fields": ["key"]}}
    ]
    assert str(second) == tables[NAME][1]["key"]


def test_options_choose_submissions_and_labels(mirror: AnyMirror) -> None:
    approved, other = household(mirror, 5, district="n", needs="s n"), household(mirror, 6)
    mirror.control.validate([approved], "validation_status_approved")
    mirror.sync()
    exported(mirror, "h.zip")
    types = types_of(package_of(in_folder(mirror, "h.zip")))
    exported(mirror, "fr.xlsx", "--language", "FR", "--approved-only")
    tables = read_export(in_folder(mirror, "fr.xlsx"), types)
    (row,) = tables[NAME]
    assert (row["key"], row["district"], row["needs"]) == (
        str(approved),
        "{{ Nord }}",
        f"{HYPERLINK}; {{{{ Nord }}}}",
    )
    assert [row["age"] for row in tables[f"{NAME}__members"]] == [5]
    day = str(row["submission_time"].date())
    assert f"2 rows of {NAME}," in exported(mirror, "day.zip", "--since", day)
    assert f"0 rows of {NAME}, 0 rows" in exported(mirror, "later.zip", "--since", "2999-01-01")
    about = openpyxl.load_workbook(in_folder(mirror, "fr.xlsx"))["about"]
    told = dict(about.iter_rows(values_only=True))
    assert (told["form"], told["submissions"], told["labels in"]) == ("Households", "approved ones", "FR")
    assert other not in [row["kobo_id"] for row in tables[NAME]]


def test_no_formula_runs_and_the_header_stays_in_sight(mirror: AnyMirror) -> None:
    odd = [
        HYPERLINK,
        "+1+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "_x0041_",
        "a\rb\nc",
        "\x01",
        "x" * 40_000,
        "🌱" * 40_000,
    ]
    ids = [household(mirror, village=village) for village in odd]
    mirror.sync()
    exported(mirror, "h.xlsx")
    exported(mirror, "h.zip")
    file = in_folder(mirror, "h.xlsx")
    tables = read_export(file, types_of(package_of(in_folder(mirror, "h.zip"))))
    assert {row["kobo_id"]: row["village"] for row in tables[NAME]} == dict(zip(ids, odd, strict=True))
    sheet = openpyxl.load_workbook(file)[NAME]
    assert sheet.freeze_panes == "A2"
    column = next(cell.column for cell in sheet[1] if cell.value == "village")
    assert {(cell.data_type, cell.number_format) for (cell,) in sheet.iter_rows(2, None, column, column)} == {
        ("inlineStr", "@")
    } or {cell.data_type for (cell,) in sheet.iter_rows(2, None, column, column)} == {"s"}


def test_places_are_features_by_the_rules_of_geojson(mirror: AnyMirror) -> None:
    first = household(mirror, place="1.5 2.5 3 4", field="0 0;0 2;2 2")  # not closed, and clockwise
    household(mirror, field="0 0;1 1")
    mirror.sync()
    assert exported(mirror, "h.geojson") == f"h.geojson: 3 features of {NAME}\n"
    found = json.loads(in_folder(mirror, "h.geojson").read_text())
    point, shape, none = found["features"]
    keys = {"table": NAME, "key": str(first), "kobo_id": first}
    assert point["properties"] == {**keys, "question": "place", "accuracy": 4.0}
    assert point["geometry"] == {"type": "Point", "coordinates": [2.5, 1.5, 3.0]}
    assert shape["geometry"] == {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]}
    assert (none["geometry"], none["properties"]["answer"]) == (None, "0 0;1 1")


def test_refusals_are_one_sentence_and_leave_what_is_there(mirror: AnyMirror) -> None:
    household(mirror, 1, village="v")
    refused = {
        (
            "export",
            NAME,
            "--to",
            "h.zip",
        ): "The database holds no form of this table or uid. There are: none.",
    }
    for command, sentence in refused.items():
        assert mirror.command(*command) == (2, "", f"error: {sentence}\n")
    mirror.sync()
    several = (
        "The form has 2 tables (households, households__members), and a {} file holds one: export to {}, which "
        "holds a file for each, or to an .xlsx file."
    )
    refused = {
        ("export", NAME, "--to", "h.csv"): several.format(".csv", "h.zip"),
        ("export", "--to", "h.parquet"): several.format(".parquet", "h.parquet.zip"),
        (
            "export",
            "--to",
            "h.doc",
        ): "The format of h.doc is not known: name a file that ends with .csv, .zip, "
        ".xlsx, .parquet, .parquet.zip or .geojson.",
        ("export", "other", "--to", "h.zip"): "The database holds no form of this table or uid. There are: "
        "households.",
        (
            "export",
            "--to",
            "h.zip",
            "--language",
            "xx",
        ): "The form has no labels in the language xx. There are: en (English (en)), fr (Français (fr)).",
        ("export", "--to", "no/h.zip"): "The file no/h.zip cannot be written: No such file or directory.",
        (
            "codebook",
            "--to",
            "h.doc",
        ): "The format of h.doc is not known: name a file that ends with .csv, .json "
        "(a data package) or .yml (dbt sources).",
    }
    before = {path.name for path in in_folder(mirror, ".").iterdir()}
    for command, sentence in refused.items():
        assert mirror.command(*command) == (2, "", f"error: {sentence}\n")
    code, _, error = mirror.command("export", "--to", "h.zip", "--since", "tomorrow")
    assert (code, "must be a date such as 2026-01-31" in error) == (2, True)
    assert {path.name for path in in_folder(mirror, ".").iterdir()} == before


def test_without_pyarrow_a_sentence_says_what_to_install(mirror: AnyMirror, tmp_path: Path) -> None:
    household(mirror, village="v")
    mirror.sync()
    for missing in ("pyarrow", "openpyxl"):
        (tmp_path / f"{missing}.py").write_text("raise ImportError\n")
    path = f"{tmp_path}:{mirror.environment()['PYTHONPATH']}"
    sentence = (
        "error: Parquet files need the package pyarrow: install `kobo-mirror[export]`, or pyarrow itself.\n"
    )
    assert mirror.command("export", "--to", "h.parquet.zip", PYTHONPATH=path) == (2, "", sentence)
    for ending in ("zip", "xlsx", "geojson"):
        code, _, error = mirror.command("export", "--to", f"h.{ending}", PYTHONPATH=path)
        assert code == 0, error
