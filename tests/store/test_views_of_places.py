"""Points, traces and shapes as GeoJSON and WKT; what is none of these is NULL: its text is in the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.config.view_kinds import GEO
from kobo_mirror.export.exported import exported
from kobo_mirror.export.geojson import Places
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.views import bring_up_views
from tests.support.forms.applied import Applying
from tests.support.forms.row_set_writing import forget
from tests.support.forms.surveys import ask, repeat, survey

PLACES = survey(
    [
        *ask("geopoint", "home"),
        *ask("geotrace", "walk"),
        *ask("geoshape", "field"),
        *ask("text", "name"),
        *repeat("trees", ask("geopoint", "tree")),
    ]
)
LINES: dict[str, Any] = {
    "-1.95 30.06 1500 4; -1.96 30.07 0 0": [[30.06, -1.95], [30.07, -1.96]],
    "-1.95 30.06;-1.96 30.07 1;": [[30.06, -1.95], [30.07, -1.96]],
    "1e1  2 ;3 4; ": [[2, 10], [4, 3]],
    "1 2": None,
    "": None,
    "1 2;x y": None,
    "1 2;3": None,
    "somewhere": None,
    '1 2;3 4","5': None,
}
SHAPES: dict[str, Any] = {
    "0 0 0 0;0 1 0 0;1 1 0 0;0 0 0 0;": [[0, 0], [1, 0], [1, 1], [0, 0]],
    "0 0;0 1;1 1;0 2": None,
    "0 0;0 1;0 0": None,
    "10 20;0 1;1 1;0 20": None,
}


@pytest.fixture
def applying(engine: Engine) -> Iterator[Applying]:
    made = Applying(engine)
    made.apply(PLACES)
    assert bring_up_views(engine, PLACES, made.lease, [GEO]) is None
    yield made
    forget(made)


@pytest.fixture
def on_server(server_engine: Engine) -> Iterator[Applying]:
    made = Applying(server_engine)
    made.apply(PLACES)
    assert bring_up_views(server_engine, PLACES, made.lease, [GEO]) is None
    yield made
    forget(made)


def insert(engine: Engine, table: str, **cells: Any) -> None:
    places = ", ".join(f":{name}" for name in cells)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {table} ({', '.join(cells)}) VALUES ({places})"), cells)


def texts(engine: Engine, view: str, column: str) -> list[str | None]:
    with engine.connect() as connection:
        return list(connection.scalars(text(f"SELECT {column} FROM {view} ORDER BY kobo_id")))


def shown(engine: Engine, view: str, column: str) -> list[Any]:
    return [json.loads(one) if one else None for one in texts(engine, view, column)]


def wkt(kind: str, coordinates: Any) -> str | None:
    return coordinates and f"{kind}({','.join(f'{lon} {lat}' for lon, lat in coordinates)})"


def test_points_have_the_longitude_first(applying: Applying) -> None:
    engine = applying.engine
    insert(engine, "survey", kobo_id=1, home="-1.95 30.0625 1500 4", home__lat=-1.95, home__lon=30.0625,
           home__alt=1500.5, home__acc=4)  # fmt: skip
    insert(engine, "survey", kobo_id=2, home="0.00000001 30", home__lat=0.00000001, home__lon=30)
    insert(engine, "survey", kobo_id=3, home="somewhere")
    insert(engine, "survey__trees", kobo_id=1, pos=1, tree="1 2", tree__lat=1, tree__lon=2)
    assert shown(engine, "survey__geo", "home") == [
        {"type": "Point", "coordinates": [30.0625, -1.95, 1500.5]},
        {"type": "Point", "coordinates": [30, 0.00000001]},
        None,
    ]
    assert shown(engine, "survey__trees__geo", "tree") == [{"type": "Point", "coordinates": [2, 1]}]
    first, second, third = texts(engine, "survey__geo", "home__wkt")
    assert (first, third) == ("POINT(30.0625 -1.95)", None)
    assert second is not None
    assert [float(one) for one in second.removeprefix("POINT(").rstrip(")").split()] == [30, 0.00000001]


def test_a_server_takes_wkt_as_its_documentation_says(on_server: Applying) -> None:
    """MySQL takes the latitude first where SRID 4326 is given, unless it is told otherwise; MariaDB never."""
    engine = on_server.engine
    insert(engine, "survey", kobo_id=1, home="-1.95 30.0625", home__lat=-1.95, home__lon=30.0625,
           walk="-1.95 30.06;-1e-8 180", field=next(iter(SHAPES)))  # fmt: skip
    with engine.connect() as connection:
        is_mariadb = "MariaDB" in str(connection.scalar(text("SELECT VERSION()")))
        order = "" if is_mariadb else ", 'axis-order=long-lat'"
        geometry, axes = f"ST_GeomFromText(home__wkt, 4326{order})", "XY" if is_mariadb else ""
        lon, lat = (f"ST_{axis}({geometry})" for axis in axes or ("Longitude", "Latitude"))
        plain = "ST_X(ST_GeomFromText(home__wkt)), ST_Y(ST_GeomFromText(home__wkt))"
        line = "ST_X(ST_EndPoint(ST_GeomFromText(walk__wkt))), ST_Area(ST_GeomFromText(field__wkt))"
        found = connection.execute(text(f"SELECT {lon}, {lat}, {plain}, {line} FROM survey__geo")).one()
        swapped = "ST_GeomFromText(home__wkt, 4326)"
        first = connection.scalar(text(f"SELECT ST_{axes[:1] or 'Longitude'}({swapped}) FROM survey__geo"))
    assert tuple(found) == pytest.approx((30.0625, -1.95, 30.0625, -1.95, 180, 0.5))
    assert first == pytest.approx(30.0625 if is_mariadb else -1.95)  # the trap


def test_traces_and_shapes_are_geometries_if_they_can_be(applying: Applying) -> None:
    for number, line in enumerate(LINES):
        insert(applying.engine, "survey", kobo_id=number, walk=line)
    found = shown(applying.engine, "survey__geo", "walk")
    wanted = [one and {"type": "LineString", "coordinates": one} for one in LINES.values()]
    assert found == wanted
    plain = [place for place, line in enumerate(LINES) if "1e1" not in line]
    told = texts(applying.engine, "survey__geo", "walk__wkt")
    assert [told[at] for at in plain] == [wkt("LINESTRING", [*LINES.values()][at]) for at in plain]
    for number, shape in enumerate(SHAPES, 100):
        insert(applying.engine, "survey", kobo_id=number, field=shape)
    found = shown(applying.engine, "survey__geo", "field")[len(LINES) :]
    assert found == [one and {"type": "Polygon", "coordinates": [one]} for one in SHAPES.values()]
    told = texts(applying.engine, "survey__geo", "field__wkt")[len(LINES) :]
    assert told == [wkt("POLYGON(", one) and f"{wkt('POLYGON(', one)})" for one in SHAPES.values()]


def test_a_trace_of_thousands_of_points_comes_back_or_is_left_out(applying: Applying) -> None:
    for number, count in enumerate((2_000, 20_000)):
        points = ";".join(f"{i % 90}.123456 -{i % 180}.5 0 0" for i in range(count))
        insert(applying.engine, "survey", kobo_id=number, walk=points)
    short, long = shown(applying.engine, "survey__geo", "walk")
    assert len(short["coordinates"]) == 2_000
    assert long is None or len(long["coordinates"]) == 20_000


@pytest.mark.parametrize("now", ["text", "integer", "geotrace"])
def test_a_point_stays_one_whatever_its_question_asks_for_now(engine: Engine, now: str) -> None:
    schema = survey(ask("geopoint", "home"), ask(now, "home"))
    made = Applying(engine)
    made.apply(schema)
    try:
        assert bring_up_views(engine, schema, made.lease, [GEO]) is None
        insert(engine, "survey", kobo_id=1, home="-1.95 30.0625 0 0", home__lat=-1.95, home__lon=30.0625)
        insert(engine, "survey", kobo_id=2, home="1 2;3 4")
        point = {"type": "Point", "coordinates": [30.0625, -1.95]}
        line = {"type": "LineString", "coordinates": [[2, 1], [4, 3]]} if now == "geotrace" else None
        assert shown(engine, "survey__geo", "home") == [point, line]
        told = texts(engine, "survey__geo", "home__wkt")
        assert told == ["POINT(30.0625 -1.95)", line and "LINESTRING(2 1,4 3)"]
        (places, *_) = (Places(table) for table in exported(Mirror(None, "s", "u", schema)).rows)
        old = ["1", 1, "-1.95 30.0625 0 0", -1.95, 30.0625, None, None]
        new = ["2", 2, "1 2;3 4", None, None, None, None]
        found = [feature["geometry"] for row in (old, new) for feature in places.features(row)]
        assert found == [point, *([line] if line else [])]
    finally:
        forget(made)
