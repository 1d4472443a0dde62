"""Lines of an answer become geometries by RFC 7946, or none."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.export.exported import exported
from kobo_mirror.export.geojson import Places
from kobo_mirror.forms.mirror import Mirror
from tests.support.forms.surveys import ask, repeat, survey

SCHEMA = survey([*ask("geotrace", "trace"), *ask("geoshape", "shape"), *repeat("r", ask("text", "a"))])
SQUARE = [[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]


def geometry(question: str, answer: str) -> Any:
    main, rest = (Places(table) for table in exported(Mirror(None, "s", "u", SCHEMA)).rows)
    assert not rest.are_asked
    row = ["1", 1, *([answer] * 5 if question == "trace" else [None] * 5), *([answer] * 5)]
    if question == "trace":
        row[7:] = [None] * 5
    (feature,) = main.features(row)
    assert feature["properties"]["question"] == question
    assert (feature["geometry"] is None) == (feature["properties"].get("answer") == answer)
    return feature["geometry"]


@pytest.mark.parametrize(
    ("answer", "positions"),
    [
        ("1 2;3 4", [[2, 1], [4, 3]]),
        (" 1 2 3 4 ; 3 4 0 0 ; ", [[2, 1, 3], [4, 3, 0]]),
        ("1 2;;3 4;", [[2, 1], [4, 3]]),
    ],
)
def test_a_trace_is_a_line(answer: str, positions: list[list[float]]) -> None:
    assert geometry("trace", answer) == {"type": "LineString", "coordinates": positions}


@pytest.mark.parametrize("answer", ["1 2", "91 2;3 4", "1;2", "a b;c d", "nan 1;2 3", "1 2 3 4 5;1 2", ";"])
def test_what_is_no_line_has_no_geometry(answer: str) -> None:
    assert geometry("trace", answer) is None


@pytest.mark.parametrize(
    "answer", ["0 0;0 2;2 2;2 0;0 0", "0 0;2 0;2 2;0 2;0 0", "0 0;0 2;2 2;2 0", "0 0 ;2 0 ;2 2 ;0 2 ;"]
)
def test_a_shape_is_closed_and_counterclockwise(answer: str) -> None:
    found = geometry("shape", answer)["coordinates"][0]
    assert found[0] == found[-1]
    assert found in (SQUARE, SQUARE[::-1][0:1] + SQUARE[1:])
    assert {tuple(one) for one in found} == {(0, 0), (2, 0), (2, 2), (0, 2)}


@pytest.mark.parametrize("answer", ["0 0;1 1", "0 0;1 1;0 0", "0 0"])
def test_what_has_no_three_corners_has_no_geometry(answer: str) -> None:
    assert geometry("shape", answer) is None
