"""The second form of the demo, ``simulator/forms/household.json``: what it asks, and its mirror."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kobo_mirror.database.engine import open_engine, reading
from kobo_mirror.store.catalog_tables import columns, rejected_cells, tables
from kobo_mirror.store.schema import migrate
from simulator.options import DEMO_ASSET, HOUSEHOLD_ASSET, HOUSEHOLD_FILE
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import PLAIN
from tests.support.forms.any_mirror import AnyMirror, any_mirror

FORM = json.loads(Path(HOUSEHOLD_FILE).read_text("utf-8"))
KINDS = ("group", "repeat", "kobomatrix", "rank", "score")
SECTIONS = {
    *("audit", "note", "calculate", "hidden", "range", "select_one", "select_multiple"),
    *(f"{edge}_{kind}" for edge in ("begin", "end") for kind in KINDS),
}
NOT_ASKED = {"phonenumber", "email", "simserial", "subscriberid", "start-geopoint", "background-audio", "osm"}
ROOT = "households"


def test_it_asks_every_type_in_two_versions() -> None:
    first, second = ({row["type"] for row in version["survey"]} for version in FORM["versions"])
    assert first | second == {*PLAIN} - NOT_ASKED | SECTIONS | {"rank__level", "score__row"}
    names = [{row.get("name") for row in version["survey"]} for version in FORM["versions"]]
    assert names[0] ^ names[1] == {"mobile", "phone", "tour", "savings", "electricity", "at_school"}


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_its_mirror_equals_the_source(database_url: str) -> None:
    with SimulatorProcess(rows=20, survey=True, form=[HOUSEHOLD_FILE]) as process:
        assert process.assets == [DEMO_ASSET, HOUSEHOLD_ASSET]
        assert len(process.control.ids()) == 20
        engine = open_engine(database_url)
        migrate(engine)
        with any_mirror(process, HOUSEHOLD_ASSET, database_url) as mirror:
            check(mirror)
        engine.dispose()


def check(mirror: AnyMirror) -> None:
    mirror.sync()
    assert mirror.found() == mirror.wanted()
    with reading(mirror.engine) as connection:
        made = set(connection.scalars(select(tables.c.table_name).where(tables.c.kind != "view")))
        named = set(connection.scalars(select(columns.c.column_name).where(columns.c.table_name == ROOT)))
        assert connection.scalar(select(func.count()).select_from(rejected_cells)) == 0
    assert made == {ROOT, f"{ROOT}__members", f"{ROOT}__treatments", f"{ROOT}__files"}
    assert {"village", "gps__lat", "phone", "mobile", "roof_other", "instance_name"} <= named
