"""Geometries: what an answer about a place is as GeoJSON and as WKT, read by other code than ours."""

from __future__ import annotations

import json
import re
from typing import Any

_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_POINT = re.compile(rf" *({_NUMBER}) +({_NUMBER})(?: +{_NUMBER}){{0,2}} *")
LINES = {"geotrace": "LineString", "geoshape": "Polygon"}


def is_plain(answer: str) -> bool:
    """Whether an answer is points and nothing else, so that all databases must read the same of it."""
    return all(_POINT.fullmatch(part) for part in answer.split(";") if part.strip(" "))


def line_of(answer: str, kind: str) -> dict[str, Any] | None:
    """The trace or shape of a plain answer."""
    found = [_POINT.fullmatch(part) for part in answer.split(";") if part.strip(" ")]
    spelt = [(one[2], one[1]) for one in found if one]
    places = [[float(lon), float(lat)] for lon, lat in spelt]
    if kind == "geotrace":
        return {"type": LINES[kind], "coordinates": places} if len(places) > 1 else None
    is_closed = len(spelt) > 3 and spelt[0] == spelt[-1]
    return {"type": LINES[kind], "coordinates": [places]} if is_closed else None


def read_geojson(shown: str | None) -> dict[str, Any] | None:
    """What a view shows."""
    found: dict[str, Any] | None = json.loads(shown) if shown else None
    assert not found or found["type"] in ("Point", *LINES.values())
    return found


def read_wkt(shown: str | None) -> dict[str, Any] | None:
    """What a view shows, as GeoJSON."""
    if shown is None:
        return None
    kind, inside = shown.rstrip(")").split("(", 1)
    places = [[float(number) for number in one.split(" ")] for one in inside.lstrip("(").split(",")]
    if kind == "POINT":
        return {"type": "Point", "coordinates": places[0]}
    is_line = kind == "LINESTRING"
    assert is_line or kind == "POLYGON"
    return {"type": "LineString" if is_line else "Polygon", "coordinates": places if is_line else [places]}


def flat(geometry: dict[str, Any] | None) -> dict[str, Any] | None:
    """A geometry without the altitude that a point may have."""
    if geometry and geometry["type"] == "Point":
        return {**geometry, "coordinates": geometry["coordinates"][:2]}
    return geometry
