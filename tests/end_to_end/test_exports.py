"""Exports as a data manager asks for them: each format, each option, each refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from frictionless import Package

from simulator.process import SimulatorProcess
from tests.support.exported_households import HYPERLINK, NAME, Households, form
from tests.support.exports import package_of, read_export, types_of
from tests.support.forms.any_mirror import any_mirror, form_file, uid_of
from tests.support.terminal import Terminal


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    file = form_file(tmp_path_factory.mktemp("exports"), NAME, form(), rows=0)
    with SimulatorProcess(form=[file]) as running:
        yield running


@pytest.fixture
def households(
    served: SimulatorProcess, database_url: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Households]:
    with any_mirror(served, uid_of(NAME), database_url) as mirror:
        mirror.control.reset(rows=0)
        monkeypatch.chdir(mirror.folder.name)
        yield Households(mirror, terminal)


def test_a_zip_is_a_valid_data_package_and_says_what_did_not_fit(households: Households) -> None:
    long = "0." + "123456789" * 5
    first = households.add(3, 40, village=HYPERLINK, district="n", needs="n s", area=long)
    second = households.add(village="", area="0.30000000000000004", seen="2026-01-02T10:00:00.123+05:45")
    households.sync()
    out = households.export("h.zip")
    assert out == (
        "h.zip: 2 rows of households, 2 rows of households__members, 1 row of rejected_answers; "
        "1 answer that no column could hold: in rejected_answers\n"
    )
    file = Path("h.zip")
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
    assert rejected["answer"] == long
    assert [row["parent_key"] for row in tables[f"{NAME}__members"]] == [str(first)] * 2
    assert str(tables[NAME][1]["seen__local"]) == "2026-01-02 10:00:00.123000"
    fields = {field["name"]: field for field in package["resources"][0]["schema"]["fields"]}
    assert fields["district"]["constraints"] == {"enum": ["n", "s"]}
    assert fields["village"]["labels"] == {"en": "Village", "fr": "Village"}
    assert package["resources"][1]["schema"]["foreignKeys"] == [
        {"fields": ["parent_key"], "reference": {"resource": NAME, "fields": ["key"]}}
    ]
    assert str(second) == tables[NAME][1]["key"]


def test_options_choose_submissions_and_labels(households: Households) -> None:
    approved, other = households.add(5, district="n", needs="s n"), households.add(6)
    households.mirror.control.validate([approved], "validation_status_approved")
    households.sync()
    households.export("h.zip")
    types = types_of(package_of(Path("h.zip")))
    households.export("fr.xlsx", "--language", "FR", "--approved-only")
    tables = read_export(Path("fr.xlsx"), types)
    (row,) = tables[NAME]
    assert (row["key"], row["district"], row["needs"]) == (
        str(approved),
        "{{ Nord }}",
        f"{HYPERLINK}; {{{{ Nord }}}}",
    )
    assert [row["age"] for row in tables[f"{NAME}__members"]] == [5]
    day = str(row["submission_time"].date())
    assert f"2 rows of {NAME}," in households.export("day.zip", "--since", day)
    assert f"0 rows of {NAME}, 0 rows" in households.export("later.zip", "--since", "2999-01-01")
    about = openpyxl.load_workbook(Path("fr.xlsx"))["about"]
    told = dict(about.iter_rows(values_only=True))
    assert (told["form"], told["submissions"], told["labels in"]) == ("Households", "approved ones", "FR")
    assert other not in [row["kobo_id"] for row in tables[NAME]]


def test_no_formula_runs_and_the_header_stays_in_sight(households: Households) -> None:
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
    ids = [households.add(village=village) for village in odd]
    households.sync()
    households.export("h.xlsx")
    households.export("h.zip")
    file = Path("h.xlsx")
    tables = read_export(file, types_of(package_of(Path("h.zip"))))
    assert {row["kobo_id"]: row["village"] for row in tables[NAME]} == dict(zip(ids, odd, strict=True))
    sheet = openpyxl.load_workbook(file)[NAME]
    assert sheet.freeze_panes == "A2"
    column = next(cell.column for cell in sheet[1] if cell.value == "village")
    cells = [cell for (cell,) in sheet.iter_rows(2, None, column, column)]
    assert {(cell.data_type, cell.number_format) for cell in cells} == {("s", "@")}


def test_places_are_features_by_the_rules_of_geojson(households: Households) -> None:
    first = households.add(place="1.5 2.5 3 4", field="0 0;0 2;2 2")  # not closed, and clockwise
    households.add(field="0 0;1 1")
    households.sync()
    assert households.export("h.geojson") == f"h.geojson: 3 features of {NAME}\n"
    found = json.loads(Path("h.geojson").read_text())
    point, shape, none = found["features"]
    keys = {"table": NAME, "key": str(first), "kobo_id": first}
    assert point["properties"] == {**keys, "question": "place", "accuracy": 4.0}
    assert point["geometry"] == {"type": "Point", "coordinates": [2.5, 1.5, 3.0]}
    assert shape["geometry"] == {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]}
    assert (none["geometry"], none["properties"]["answer"]) == (None, "0 0;1 1")


def test_refusals_are_one_sentence_and_leave_what_is_there(households: Households) -> None:
    households.add(1, village="v")
    none = "The database holds no form of this table or uid. There are: "
    assert households.run("export", NAME, "--to", "h.zip") == (2, "", f"error: {none}none.\n")
    households.sync()
    several = (
        "The form has 2 tables (households, households__members), and a {} file holds one: export to {}, "
        "which holds a file for each, or to an .xlsx file."
    )
    unknown = "The format of h.doc is not known: name a file that ends with "
    refused = {
        ("export", NAME, "--to", "h.csv"): several.format(".csv", "h.zip"),
        ("export", "--to", "h.parquet"): several.format(".parquet", "h.parquet.zip"),
        ("export", "--to", "h.doc"): f"{unknown}.csv, .zip, .xlsx, .parquet, .parquet.zip or .geojson.",
        ("export", "other", "--to", "h.zip"): f"{none}households.",
        ("export", "--to", "h.zip", "--language", "xx"): "The form has no labels in the language xx. There "
        "are: en (English (en)), fr (Français (fr)).",
        ("export", "--to", "no/h.zip"): "The file no/h.zip cannot be written: No such file or directory.",
        ("codebook", "--to", "h.doc"): f"{unknown}.csv, .json (a data package) or .yml (dbt sources).",
    }
    before = {path.name for path in Path(".").iterdir()}
    for command, sentence in refused.items():
        assert households.run(*command) == (2, "", f"error: {sentence}\n")
    for since in ("tomorrow", "20260101", "2026-W05-6", "2026-1-1", "2026-01-01T00:00:00Z", ""):
        code, _, error = households.run("export", "--to", "h.zip", "--since", since)
        assert (code, "must be a date such as 2026-01-31" in error) == (2, True)
    assert {path.name for path in Path(".").iterdir()} == before
    assert households.run("export", "--to", "h.zip", "--language", "FRANÇAIS")[0] == 0


@pytest.mark.long
def test_without_pyarrow_a_sentence_says_what_to_install(households: Households, tmp_path: Path) -> None:
    households.add(village="v")
    households.sync()
    (tmp_path / "pyarrow.py").write_text("raise ImportError\n")
    path = f"{tmp_path}:{households.mirror.environment()['PYTHONPATH']}"
    sentence = (
        "error: Parquet files need the package pyarrow: install `kobo-mirror[export]`, or pyarrow itself.\n"
    )
    command = ("export", "--to", "h.parquet.zip")
    assert households.mirror.command(*command, PYTHONPATH=path) == (2, "", sentence)
    code, out, error = households.mirror.command("export", "--to", "h.xlsx", PYTHONPATH=path)
    assert (code, out, error) == (0, f"h.xlsx: 1 row of {NAME}, 0 rows of {NAME}__members\n", "")
