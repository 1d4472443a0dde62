"""Kept versions of a form that were damaged, by a disk or by hand."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import SchemaError
from kobo_mirror.store.catalog_tables import form_versions
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.tables import rows_in, run_sql

FIRST = content(row("text", "village"))
SECOND = content(row("text", "village"), row("integer", "age"))


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    file = form_file(tmp_path_factory.mktemp("forms"), "damaged", FIRST, rows=3)
    with SimulatorProcess(form=[file]) as running:
        yield running


@pytest.fixture
def mirror(several: SimulatorProcess, database_url: str) -> Iterator[AnyMirror]:
    several.control.reset()
    with any_mirror(several, uid_of("damaged"), database_url) as made:
        yield made


DAMAGES = {"cut": b"\x1f\x8b\x08", "none": b"", "text": b"no archive", "other": gzip.compress(b"[1]")}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_version_whose_content_is_damaged_is_asked_for_anew(mirror: AnyMirror, damage: str) -> None:
    mirror.sync()
    kept = contents(mirror)
    spoil(mirror, DAMAGES[damage])
    mirror.sync()  # nothing grows, so it is not read
    mirror.control.deploy(SECOND)
    mirror.sync()
    assert contents(mirror)[0] == kept[0]
    assert mirror.found() == mirror.wanted()
    assert "age" in rows_in(mirror.engine, "damaged")[0]


def test_a_version_that_was_overwritten_by_hand_is_asked_for_anew(mirror: AnyMirror) -> None:
    mirror.sync()
    kept = contents(mirror)
    run_sql(mirror.engine, "UPDATE kobo_form_versions SET content = '{}'")  # a text, where SQLite lets it
    mirror.control.deploy(SECOND)
    mirror.sync()
    assert contents(mirror)[0] == kept[0]


def test_a_damaged_version_that_is_not_shown_is_told_of_where_it_is_needed(
    mirror: AnyMirror, several: SimulatorProcess
) -> None:
    mirror.sync()
    spoil(mirror, b"no archive")
    run_sql(mirror.engine, "DELETE FROM kobo_forms", "UPDATE kobo_form_versions SET uid = 'vGone'")
    with pytest.raises(SchemaError) as caught:
        mirror.sync()
    assert str(caught.value) == (
        f"The content of version vGone of form {several.asset} in kobo_form_versions is damaged, and "
        "KoboToolbox does not show it: restore the row from a backup."
    )


def spoil(mirror: AnyMirror, content_: bytes) -> None:
    transact(
        mirror.engine, lambda connection: connection.execute(update(form_versions).values(content=content_))
    )


def contents(mirror: AnyMirror) -> list[bytes]:
    with reading(mirror.engine) as connection:
        return list(connection.scalars(select(form_versions.c.content).order_by(form_versions.c.number)))
