"""GeoJSON: each answer that is a place as a feature, by RFC 7946: longitude first, outlines closed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import IO, Any

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export.exported import KEYS, ExportTable, Field
from kobo_mirror.forms.question_types import POINT_FACETS, Kind, is_point
from kobo_mirror.views.answers import Answers

_TRACE, _SHAPE = "geotrace", "geoshape"
Position = list[float]
Geometry = dict[str, Any]


class Places:
    """The features of a table.

    :param table: of an export.
    """

    def __init__(self, table: ExportTable) -> None:
        self._name = table.name
        keys = [field for field in table.fields if field.name in KEYS and field.facet == field.name]
        self._keys = [field.name for field in keys]
        self._answers = [field.answers for field in table.fields if field.answers and _is_place(field)]
        of_answers = [field for answers in self._answers for field in _fields(answers)]
        self.table = replace(table, fields=(*keys, *of_answers))

    @property
    def are_asked(self) -> bool:
        """True if the table has a question about places."""
        return bool(self._answers)

    def features(self, row: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """Yield the places of a row. An answer that is no place has no geometry, and its text beside it.

        To a question that asks for no place any more, only points are answers that are told.

        :param row: of ``table``.
        """
        at = len(self._keys)
        keys = {name: cell for name, cell in zip(self._keys, row[:at], strict=True) if cell is not None}
        for answers in self._answers:
            text, lat, lon, alt, acc = row[at : at + 5]
            at += 5
            if not text or not text.strip():
                continue
            told: dict[str, Any] = {"table": self._name, **keys, "question": answers.question}
            asked = answers.newest.question_type or ""
            geometry: Geometry | None = None
            if answers.holds_points and lat is not None and lon is not None:
                position = [number for number in (lon, lat, alt) if number is not None]
                geometry = {"type": "Point", "coordinates": position}
                told |= {} if acc is None else {"accuracy": acc}
            elif asked in _GEOMETRIES:
                geometry = _GEOMETRIES[asked](text)
            elif not is_point(asked):
                continue
            told |= {"answer": text} if geometry is None else {}
            yield {"type": "Feature", "geometry": geometry, "properties": told}


def write_geojson(
    file: IO[bytes], places: Sequence[Places], rows: Callable[[ExportTable], Iterator[Sequence[Any]]]
) -> dict[str, int]:
    """Write a collection of features.

    :param file: open for writing bytes.
    :param places: of the tables.
    :param rows: reads the rows of one.
    :returns: the number of features of each table.
    :raises ConfigurationError: the form asks for no places.
    """
    asked = [one for one in places if one.are_asked]
    if not asked:
        raise ConfigurationError("The form asks for no point, trace or shape, so that there is no GeoJSON.")
    counts = dict[str, int]()
    file.write(b'{"type":"FeatureCollection","features":[')
    between = "\n"
    for one in asked:
        count = 0
        for row in rows(one.table):
            for feature in one.features(row):
                text = json.dumps(feature, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
                file.write((between + text).encode())
                between, count = ",\n", count + 1
        counts[one.table.name] = count
    file.write(b"\n]}\n")
    return counts


def _is_place(field: Field) -> bool:
    if field.answers is None or field.facet != "value":
        return False
    return field.answers.holds_points or field.answers.newest.question_type in _GEOMETRIES


def _fields(answers: Answers) -> Iterator[Field]:
    """Yield the text of an answer and its four numbers; a line has none, and the text in their place."""
    yield Field(answers.name, Kind.TEXT, answers.text, "value")
    for facet in POINT_FACETS:
        yield Field(facet, Kind.DECIMAL, answers.facets.get(facet, answers.text), facet)


def _trace(text: str) -> Geometry | None:
    positions = _positions(text)
    return {"type": "LineString", "coordinates": positions} if positions and len(positions) > 1 else None


def _shape(text: str) -> Geometry | None:
    positions = _positions(text) or []
    if positions and positions[0] != positions[-1]:
        positions.append(positions[0])
    if len(positions) < 4:
        return None
    return {
        "type": "Polygon",
        "coordinates": [positions if _is_counterclockwise(positions) else positions[::-1]],
    }


_GEOMETRIES: dict[str, Callable[[str], Geometry | None]] = {_TRACE: _trace, _SHAPE: _shape}


def _positions(text: str) -> list[Position] | None:
    """Return the points of a line, or None if one of them is none."""
    found = list[Position]()
    for point in text.split(";"):
        numbers = _numbers(point.split())
        if numbers is None:
            return None
        if numbers:
            found.append([numbers[1], numbers[0], *numbers[2:3]])
    return found


def _numbers(words: Sequence[str]) -> list[float] | None:
    """Return latitude, longitude and up to two further numbers; none of none."""
    if not words:
        return []
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return None
    is_one = 2 <= len(numbers) <= 4 and all(map(math.isfinite, numbers))
    return numbers if is_one and abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180 else None


def _is_counterclockwise(ring: Sequence[Position]) -> bool:
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
    return area >= 0
