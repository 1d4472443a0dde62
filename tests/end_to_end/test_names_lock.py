"""``plan`` keeps the names of a mirror in a file, by which a rebuilt database has the same tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.schema import migrate
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of

PEOPLE = (row("begin_repeat", "people"), row("text", "name"), row("end_repeat"))
FIRST = content(
    row("text", "village"), row("integer", "age"),
    row("begin_group", "people"), row("text", "name"), row("end_group"),
)  # fmt: skip
MOVED = content(row("text", "village"), row("integer", "age"), *PEOPLE)
NEIGHBOUR = content(
    row("text", "village"), row("integer", "age"), *PEOPLE,
    row("begin_group", "other"), *PEOPLE, row("end_group"),
)  # fmt: skip


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[AnyMirror]:
    file = form_file(tmp_path, "names", FIRST, rows=4)
    database = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with (
        SimulatorProcess(form=[file]) as simulator,
        any_mirror(simulator, uid_of("names"), database) as made,
    ):
        yield made


def run(mirror: AnyMirror, *arguments: str, **changes: str) -> str:
    code, out, errors = mirror.command(*arguments, **changes)
    assert code == 0, errors
    return out


def tables(url: str) -> dict[str, list[str]]:
    engine = open_engine(url)
    looked = inspect(engine)
    found = {
        name: sorted(column["name"] for column in looked.get_columns(name))
        for name in looked.get_table_names()
        if not name.startswith("kobo_")
    }
    engine.dispose()
    return found


def test_a_rebuilt_database_has_the_same_names(mirror: AnyMirror, tmp_path: Path) -> None:
    """The repeat that waits for a person comes later than the one that has taken its name meanwhile."""
    settings = {"KOBO_FORMS_FILE": str(tmp_path / "kobo.yml")}
    (tmp_path / "kobo.yml").write_text("forms: []\n")
    run(mirror, "sync", **settings)
    for version in (MOVED, NEIGHBOUR):
        mirror.control.deploy(version)
        mirror.control.create(3)
        run(mirror, "sync", **settings)
    run(mirror, "apply", json.loads(run(mirror, "plan", "--json", **settings))["code"], **settings)
    assert "names.lock.yml: keep it under version control" in run(mirror, "plan", **settings)
    assert "names.lock.yml" not in run(mirror, "plan", **settings)
    first = tables(mirror.url)
    assert tables(rebuilt(mirror, tmp_path / "with.sqlite", **settings)) == first
    alone = {"KOBO_FORMS_FILE": str(tmp_path / "alone" / "kobo.yml")}
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "kobo.yml").write_text("forms: []\n")
    without = rebuilt(mirror, tmp_path / "without.sqlite", **alone)
    assert tables(without) != first
    with_lock = json.loads(run(mirror, "plan", "--json", DATABASE_URL=str(without), **settings))
    assert with_lock["names"] != []


def rebuilt(mirror: AnyMirror, file: Path, **settings: str) -> str:
    """Mirror the form into a new database; return its URL."""
    url = f"sqlite:///{file}"
    migrate(open_engine(url))
    run(mirror, "sync", DATABASE_URL=url, **settings)
    return url


def test_one_that_was_rebuilt_without_the_file_says_what_differs(mirror: AnyMirror, tmp_path: Path) -> None:
    lock = tmp_path / "names.lock.yml"
    settings = {"KOBO_FORMS_FILE": str(tmp_path / "kobo.yml")}
    (tmp_path / "kobo.yml").write_text("forms: []\n")
    run(mirror, "sync", **settings)
    run(mirror, "plan", **settings)
    text = lock.read_text()
    lock.write_text(text.replace("age: {", "years: {"))
    told = run(mirror, "plan", **settings)
    assert "the column of age (integer) is names.age, and years in the lock file" in told
    assert "was not written: names differ" in told
    assert lock.read_text() != text


@pytest.mark.long
def test_a_profile_proposes_types_without_an_answer(mirror: AnyMirror, tmp_path: Path) -> None:
    run(mirror, "sync")
    for number in range(25):
        (kobo_id,) = mirror.control.create(1)
        mirror.control.raw(kobo_id, {"village": f"{7000 + number}"})
    run(mirror, "sync", "--since", "0")
    ids = mirror.control.ids()
    mirror.control.raw(ids[0], {"odd/path": "7000"})
    for kobo_id in ids[:4]:
        mirror.control.raw(kobo_id, {"village": "12"})
    run(mirror, "sync", "--since", "0")
    told = run(mirror, "plan", "--profile")
    assert "village: integer" in told
    assert "odd/path: 1 rows" in told
    assert "7000" not in told
