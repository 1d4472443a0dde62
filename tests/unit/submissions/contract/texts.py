"""Texts, choices, consent and points; and values that are no texts."""

from __future__ import annotations

from typing import Any

from kobo_mirror.tolerant_json import OddValue
from tests.unit.submissions.contract.table import Case, case, cell, no_cell

_UNSTORABLE = "holds half a character (a lone surrogate) or a NUL"
_NO_TEXT = "is not a text"
_NAN = OddValue("NaN", "is NaN, which JSON does not have")
_BAD_BYTE = OddValue("caf\udce9", "holds bytes that are not UTF-8")


def _point(answer: str, *numbers: float | None, why: str) -> Case:
    named = zip(("gps__lat", "gps__lon", "gps__alt", "gps__acc"), numbers, strict=False)
    return cell("gps", answer, answer, why, **{name: n for name, n in named if n is not None})


TEXTS = (
    cell("name", "Amina Wanjiru", "Amina Wanjiru", "as it was typed"),
    cell("name", "  two  blanks \n", "  two  blanks \n", "blanks and line ends stay"),
    cell("name", "", "", "an empty text is an answer; no answer is a key that is missing"),
    cell("name", " ", " ", "so is a blank: only a declared column takes it for none"),
    cell("name", "e\u0301", "e\u0301", "no other spelling of the same letter"),
    cell("name", "ሙሉ ስም 🌱", "ሙሉ ስም 🌱", "any script"),
    cell("name", "x" * 70_000, "x" * 70_000, "longer than TEXT of MySQL: the column is MEDIUMTEXT"),
    cell("score", "1.5E7", "1.5E7", "what was calculated is a text"),
    cell("score", "NaN", "NaN", "even where it failed"),
    cell("needs", "yes  no", "yes  no", "several choices: verbatim, in the order of ticking"),
    cell("needs", "taken_out", "taken_out", "no list is asked whether it has the choice"),
    cell("road", "0 0 0 0;0 1 0 0; ", "0 0 0 0;0 1 0 0; ", "a line is a text"),
    no_cell("name", "half \ud83d", _UNSTORABLE, "half a character, kept as ASCII JSON", '"half \\ud83d"'),
    no_cell("name", "a\0b", _UNSTORABLE, "a NUL, which PostgreSQL cannot hold", '"a\\u0000b"'),
    cell("sex", "yes", "yes", "a choice"),
    cell("sex", "01", "01", "no number is made of it"),
    cell("sex", "both yes", "both yes", "a choice's name may have blanks"),
    cell("sex", "", "", "an empty choice"),
    cell("sex", "k" * 64, "k" * 64, "64 characters are the most"),
    cell("sex", "🌱" * 64, "🌱" * 64, "characters, not bytes"),
    no_cell("sex", "k" * 65, "has 65 characters; at most 64 fit", "one more"),
    no_cell("sex", "\udc00", _UNSTORABLE, "half a character", '"\\udc00"'),
    cell("agreed", "OK", True, "consent"),
    no_cell("agreed", "ok", "is not OK", "no other spelling"),
    no_cell("agreed", "", "is not OK", "a blank is no consent"),
    no_cell("agreed", "yes", "is not OK", "another word neither"),
)
POINTS = (
    _point("-1.2921 36.8219 1650.5 4.2", -1.2921, 36.8219, 1650.5, 4.2, why="four numbers"),
    _point("9.03 38.74 2355", 9.03, 38.74, 2355.0, why="three: no accuracy"),
    _point("9.03 38.74", 9.03, 38.74, why="two: no altitude either"),
    _point("0 0 0 0", 0.0, 0.0, 0.0, 0.0, why="the place where a device has no signal"),
    _point("-90 180 -12.5 0", -90.0, 180.0, -12.5, 0.0, why="the bounds are on the earth"),
    _point(".5 +1e1 -0 1E-3", 0.5, 10.0, 0.0, 0.001, why="numbers as decimals have them, -0 as 0"),
    _point("1  2", 1.0, 2.0, why="blanks apart, however many"),
    _point("0.30000000000000000001 0", 0.3, 0.0, why="the nearest double: the text has all digits"),
    _point("90.1 0 0 0", why="no such latitude: the text alone"),
    _point("0 -180.5 0 0", why="no such longitude"),
    _point("NaN 1 0 0", why="NaN is no number"),
    _point("1 2 Infinity 0", why="no finite altitude"),
    _point("1 2 1e999 0", why="an altitude that overflows"),
    _point("1", why="one number"),
    _point("1 2 3 4 5", why="five numbers"),
    _point("1,2", why="a comma"),
    _point("here", why="no number"),
    _point("", why="an empty text"),
    no_cell("gps", "1 2\0", _UNSTORABLE, "a text that cannot be stored has no numbers", '"1 2\\u0000"'),
)


def _odd(value: Any, kept: str, why: str, reason: str = _NO_TEXT) -> Case:
    return no_cell("name", value, reason, why, kept)


NO_TEXTS = (
    case("null is no answer", "all", {"name": None, "age": None}),
    _odd(5, "5", "a number for a text"),
    _odd(1.50, "1.5", "a decimal for a text, as JSON spells it"),
    _odd(False, "false", "a truth value"),
    _odd({"b": "1", "a": ["x"]}, '{"a": ["x"], "b": "1"}', "an object, its keys in order"),
    _odd({}, "{}", "an object without keys"),
    _odd(_NAN, "NaN", "what is no JSON stays as it was spelt", _NAN.fault),
    _odd(_BAD_BYTE, '"caf\\udce9"', "so do bytes that are no UTF-8, as ASCII JSON", _BAD_BYTE.fault),
    no_cell("gps", 5, _NO_TEXT, "a number is no point", "5"),
    no_cell("seen", {"a": None}, _NO_TEXT, "an object is no moment", '{"a": null}'),
    no_cell("sex", 1, _NO_TEXT, "a choice's name may be a number in the form, but no answer is", "1"),
)
CASES = (*TEXTS, *POINTS, *NO_TEXTS)
