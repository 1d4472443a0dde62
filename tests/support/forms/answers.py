"""Answers: what respondents answer to each type of question, as a server sends it: every answer a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.support.forms.asked import Asked
from tests.support.forms.tree import Tree
from tests.support.forms.types import FILES, FROM_FILES, POINTS, SELECTS_MANY, SELECTS_ONE

_TEXTS = (
    "Amina Wanjiru", "ሙሉ ስም ወርቅ", "فاطمة الزهراء", "मीरा देवी", "Zoë 🌱", "  two  blanks ", "line\nbreak",
    "007", "O'Brien \"x\" \\ %s", "NaN", "1.0", "1.5E7", "true", "null", "x" * 300, "e\u0301", "A",
)  # fmt: skip
_MOMENTS = (
    "2026-01-02T10:00:00.123+05:45", "2026-11-01T08:00:00.000+03:00", "1970-01-01T00:00:00.000Z",
    "2026-03-29T02:30:00.5-03:30", "2026-01-02T10:00:00", "2026-02-28T23:59:59.999+07",
)  # fmt: skip
_DAYS = ("2026-01-02", "1999-12-31", "2024-02-29", "1000-01-01", "9999-12-31")
_POINTS = (
    "-1.2921 36.8219 1650.5 4.2", "9.03 38.74", "9.03 38.74 2355", "0 0 0 0", "-90 180 -12.5 0",
    "90 -180 0 1e1",
)  # fmt: skip
_LINES = ("-1.29 36.82 0 0;-1.30 36.83 0 0;", "-1.29 36.82 0 0", "0 0 0 0;0 1 0 0; 1 1 0 0;0 0 0 0")
FILE_NAMES = ("photo 1.png", "1730000000000.jpg", "ስዕል.jpg", "note.pdf", "voice.m4a")
_BY_TYPE: Mapping[str, Sequence[str]] = {
    "integer": ("35", "0", "-3", "007", "+4", "24.0", "24.", "9223372036854775807", "254712345678"),
    "decimal": ("1.25", "0", "-0.5", "61.50", "1.5E7", ".5", "1e-7", "12"),
    "date": _DAYS,
    "today": _DAYS,
    "time": ("06:30:00.000+03:00", "13:45:00", "23:59:59.999Z", "00:00:00.000-11:30"),
    "datetime": _MOMENTS,
    "start": _MOMENTS,
    "end": _MOMENTS,
    "acknowledge": ("OK",),
    "barcode": ("KE-0001", "4006381333931"),
    "phonenumber": ("phonenumber not found", "+254712345678"),
    "username": ("username not found", "amina", "አሚና"),
    "deviceid": ("ee.kobo.example:abcDEF123", "collect:9f8e7d"),
    "email": ("amina@example.org",),
    "calculate": ("408", "1.0", "NaN", "Infinity", "2026-01-02", "አዲስ"),
    "count of a repeat": ("0", "1", "2", "12"),
    "geotrace": _LINES,
    "geoshape": _LINES,
    **dict.fromkeys(POINTS, _POINTS),
    **dict.fromkeys(FILES, FILE_NAMES),
}
_RANGE = {"integer": ("7", "10", "0", "-5"), "decimal": ("36.5", "42", "0.1")}


def answers_to(question: Asked, tree: Tree) -> Sequence[str]:
    """What may be answered; a choice that was taken out of a list is among them, as old forms answer it.

    :param tree: the form, which has the lists of choices.
    """
    if question.type == "range":
        return _RANGE[question.kind]
    names = [item.value for item in tree.lists.get(question.list_name or "", ())]
    if question.type in FROM_FILES:
        names = ["kgl", "አዲስ_አበባ", "01"]
    if question.type in (*SELECTS_ONE, "rank__level", "score__row"):
        return (*names, "taken_out")
    if question.type in SELECTS_MANY:
        return (*names, " ".join(names[::-1]) or "a", "taken_out a", "a  b", "5 45 99 null null w1 w2")
    return _BY_TYPE.get(question.type, _TEXTS)
