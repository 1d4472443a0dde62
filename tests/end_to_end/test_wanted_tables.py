"""What kobo.yml asks for the tables of a form, and versions that wait for a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from kobo_mirror.cli.status import status
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of

FIRST = content(row("text", "village"), row("calculate", "number"))
SECOND = content(row("text", "village"), row("calculate", "number"), row("integer", "age"))


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[AnyMirror]:
    file = form_file(tmp_path, "wanted", FIRST, rows=5)
    database = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with (
        SimulatorProcess(form=[file]) as simulator,
        any_mirror(simulator, uid_of("wanted"), database) as made,
    ):
        yield made


def asking(tmp_path: Path, *lines: str) -> str:
    """Write a kobo.yml; return its name."""
    file = tmp_path / "kobo.yml"
    file.write_text("\n".join(("forms:", "  - table: villages", *(f"    {line}" for line in lines))))
    return str(file)


def columns(mirror: AnyMirror, table: str) -> set[str]:
    return {column["name"] for column in inspect(mirror.engine).get_columns(table)}


def test_names_and_types_are_those_that_are_asked_for(mirror: AnyMirror, tmp_path: Path) -> None:
    file = asking(tmp_path, "types:", "  number: integer")
    code, out, errors = mirror.command("sync", KOBO_FORMS_FILE=file)
    assert code == 0, errors
    assert "5 new" in out
    kinds = {c["name"]: str(c["type"]) for c in inspect(mirror.engine).get_columns("villages")}
    assert kinds["number"] == "BIGINT"
    assert mirror.command("verify", "--full")[0] == 0


@pytest.mark.parametrize("path", ["numbr", "village/at"])
def test_a_type_of_what_the_form_does_not_ask_is_refused(
    mirror: AnyMirror, tmp_path: Path, path: str
) -> None:
    file = asking(tmp_path, "types:", f"  {path}: integer")
    code, _, errors = mirror.command("sync", KOBO_FORMS_FILE=file)
    assert code == 2
    assert f"kobo.yml, line 4: no version of the form asks {path}" in errors
    assert not inspect(mirror.engine).has_table("villages")


@pytest.mark.long
def test_a_type_that_comes_later_brings_a_column_beside_and_goes_as_it_came(
    mirror: AnyMirror, tmp_path: Path
) -> None:
    first, *_ = mirror.control.ids()
    mirror.control.raw(first, {"number": "12"})
    assert mirror.command("sync", KOBO_FORMS_FILE=asking(tmp_path))[0] == 0
    typed = asking(tmp_path, "types:", "  number: integer")
    code, _, errors = mirror.command("sync", KOBO_FORMS_FILE=typed)
    assert code == 0, errors
    assert {"number", "number__integer"} <= columns(mirror, "villages")
    assert mirror.found() == mirror.wanted()
    assert mirror.found().rows["villages", (first,)]["number__integer"] == 12
    assert mirror.found().rejected
    assert mirror.command("verify", "--full")[0] == 0
    assert "0 new" in mirror.command("sync", KOBO_FORMS_FILE=typed)[1]
    assert mirror.command("sync", KOBO_FORMS_FILE=asking(tmp_path))[0] == 0
    assert mirror.found() == mirror.wanted()
    assert not mirror.found().rejected
    assert mirror.command("verify", "--full")[0] == 0


def test_questions_are_joined_as_it_is_asked_for(mirror: AnyMirror, tmp_path: Path) -> None:
    assert mirror.command("sync", KOBO_FORMS_FILE=asking(tmp_path))[0] == 0
    mirror.control.deploy(content(row("text", "place"), row("calculate", "number")))
    joined = asking(tmp_path, "join:", "  village: place")
    assert mirror.command("sync", KOBO_FORMS_FILE=joined)[0] == 0
    with mirror.engine.connect() as connection:
        query = "SELECT column_name, question FROM kobo_columns WHERE path <> ''"
        told = dict(connection.exec_driver_sql(query).all())
    assert told == {"village": "place", "place": "place", "number": "number"}
    code, _, errors = mirror.command("sync", KOBO_FORMS_FILE=asking(tmp_path, "join:", "  number: place"))
    assert code == 2
    assert "kobo.yml, line 4: number and place cannot be one question: a version asks both" in errors


def test_a_table_is_never_renamed(mirror: AnyMirror, tmp_path: Path) -> None:
    assert mirror.command("sync")[0] == 0
    code, _, errors = mirror.command("sync", KOBO_FORMS_FILE=asking(tmp_path))
    assert code == 2
    assert "kobo.yml, line 2: the form has the table wanted already" in errors
    assert not inspect(mirror.engine).has_table("villages")


def test_the_declared_table_is_for_the_form_that_it_was_declared_for(
    mirror: AnyMirror, tmp_path: Path
) -> None:
    file = Path(asking(tmp_path))
    file.write_text(file.read_text().replace("villages", "kobo_records"))
    code, _, errors = mirror.command("sync", KOBO_FORMS_FILE=str(file))
    assert code == 2
    assert "the form lacks questions that the table kobo_records requires" in errors
    assert "kobo_records" not in inspect(mirror.engine).get_table_names()


def test_a_new_version_adds_columns_and_what_waited_in_extra_moves_there(mirror: AnyMirror) -> None:
    mirror.sync()
    known = mirror.control.ids()[0]
    mirror.control.raw(known, {"age": "41"})
    mirror.sync(mode="exact", since=0)
    assert mirror.found() == mirror.wanted()
    mirror.control.deploy(SECOND)
    mirror.control.create(3)
    mirror.sync(mode="incremental")
    assert mirror.found() == mirror.wanted()
    assert any(cells.get("age") == 41 for cells in mirror.found().rows.values())
    assert mirror.verify().equal


@pytest.mark.parametrize("command", [("sync",), ("apply", "CODE")], ids=["sync", "apply"])
@pytest.mark.parametrize(
    ("file", "malformed"),
    [("kobo.yml", "- 1"), ("kobo.yml", "forms:\n- types: {village: txt}"), ("names.lock.yml", "- 1")],
)
def test_a_malformed_file_stops_syncs_and_the_light_says_so(
    mirror: AnyMirror, tmp_path: Path, file: str, malformed: str, command: tuple[str, ...]
) -> None:
    settings = {"KOBO_FORMS_FILE": asking(tmp_path)}
    assert mirror.command("sync", **settings)[0] == 0
    assert status(mirror.engine)["light"] == "amber"  # no proof yet
    if "CODE" in command:
        mirror.control.deploy(SECOND)
        mirror.command("sync", "--schema", "review", **settings)
    code = status(mirror.engine)["waiting_plan"] or ""
    sound = Path(settings["KOBO_FORMS_FILE"]).read_text()
    (tmp_path / file).write_text(malformed)
    found, _, errors = mirror.command(*(code if word == "CODE" else word for word in command), **settings)
    told = status(mirror.engine)
    assert (found, told["light"]) == (2, "red")
    assert f"{file}, line " in told["error"]
    assert told["error"] in errors
    Path(settings["KOBO_FORMS_FILE"]).write_text(sound)
    (tmp_path / "names.lock.yml").unlink(missing_ok=True)
    assert mirror.command("sync", **settings)[0] == 0
    assert status(mirror.engine)["light"] == "amber"
