"""Whatever a form asks and a document says, each value has one home, and each cell is what was answered."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.submissions.answers import READERS, TIMED_READERS, point
from kobo_mirror.submissions.shaper import Shaper
from tests.support.judge import reading
from tests.support.judge.damage import damages
from tests.support.judge.drawn import Drawn, drawn
from tests.support.judge.verdict import faults

SOME = settings(max_examples=50, deadline=None)
MANY = settings(max_examples=4000, deadline=None)


def has_one_home(found: Drawn) -> None:
    assert faults(found.schema, found.document, found.row_set) == []


test_each_value_has_one_home = SOME(given(drawn())(has_one_home))
test_each_value_of_many_forms_has_one_home = pytest.mark.long(MANY(given(drawn(versions=5))(has_one_home)))


def test_two_spellings_of_one_number_are_told_apart() -> None:
    asked = [{"type": "begin_repeat", "name": "r"}, {"type": "integer", "name": "a"}, {"type": "end_repeat"}]
    schema = derive("aForm", "f", [read_version("v1", {"survey": asked})])
    document = {"_id": 1, "r": [{"r/a": "-3"}, {"r/a": "-03"}], "r/a": "-3"}
    row_set = Shaper(schema).shape(document)
    assert row_set.rows[0].extra == {"r/a": "-3"}
    assert faults(schema, document, row_set) == []


def is_noticed(found: Drawn, at: int) -> None:
    """A row set in which one thing is wrong is neither right nor equal to the right one."""
    right = found.row_set
    told, damaged = random.Random(at).choice(list(damages(right)))
    assert faults(found.schema, found.document, damaged), told
    assert damaged.digest() != right.digest(), told


test_a_damage_is_noticed = SOME(given(drawn(), st.integers(0, 2**32))(is_noticed))
test_a_damage_of_many_is_noticed = pytest.mark.long(MANY(given(drawn(), st.integers(0, 2**32))(is_noticed)))


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same JSON with its keys in another order; lists stay."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


@SOME
@given(drawn(), st.integers(0, 2**32))
def test_the_order_of_keys_makes_no_difference(found: Drawn, seed: int) -> None:
    again = Shaper(FormSchema.from_json(found.schema.to_json()))
    other = again.shape(shuffled(found.document, random.Random(seed)))
    assert other == found.row_set
    assert other.digest() == found.row_set.digest()


_USUAL = {
    "integer": ("35", "-3", "+4", "24.0", "9223372036854775807", "-9223372036854775808", "0" * 19),
    "decimal": ("1.25", ".5", "5.", "1e5", "-1.5E-7", "0.1", "9007199254740993", "1e308", "5e-324", "0e9"),
    "date": ("2026-01-31", "1000-01-01", "9999-12-31", "2024-02-29"),
    "time": ("13:45:00.000+02:00", "13:45", "06:30:00.5-0330", "23:59:59.999Z", "00:00+07"),
    "datetime": ("2026-01-02T10:00:00.123+05:45", "1000-01-01T00:00-01:00", "9999-12-31T23:59:59+00:00"),
    "boolean": ("OK",),
    "key": ("yes", "k" * 64),
    "text": ("Amina", "a\ud83db", ""),
    "point": ("-1.29 36.82 1650.5 4.2", "9.03 38.74", "-90 180 0", "1 2 1e309 0"),
}
_LETTERS = "0123456789.:+-eETZ \n,٣_Nok\0\ud83d"


@st.composite
def nearly(draw: st.DrawFn, kind: str) -> str:
    """An answer to a question of a kind, with letters changed, put in, taken out or doubled."""
    text = draw(st.sampled_from(_USUAL[kind]))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        new = draw(st.sampled_from(_LETTERS) | st.just(""))
        text = text[:at] + new + text[at + draw(st.integers(0, 1)) :]
    return text


def read_by_us(kind: str, text: str) -> reading.Read:
    try:
        if kind in TIMED_READERS:
            return reading.Read(*TIMED_READERS[reading_kind(kind)](text))
        return reading.Read(READERS[reading_kind(kind)](text))
    except ValueError:
        return reading.Read(None)


def reading_kind(kind: str) -> Any:
    return next(k for k in (*READERS, *TIMED_READERS) if k.value == kind)


def read_by_the_judge(kind: str, text: str) -> reading.Read:
    try:
        return reading.read(kind, text)
    except reading.CannotHoldError:
        return reading.Read(None)


@pytest.mark.parametrize("kind", [kind for kind in _USUAL if kind != "point"])
def test_two_readers_agree_about_answers_that_are_nearly_right(kind: str) -> None:
    @settings(max_examples=100, deadline=None)
    @given(nearly(kind))
    def agree(text: str) -> None:
        ours, theirs = read_by_us(kind, text), read_by_the_judge(kind, text)
        assert repr(ours) == repr(theirs)

    agree()


@settings(max_examples=100, deadline=None)
@given(nearly("point"))
def test_two_readers_agree_about_points(text: str) -> None:
    assert repr(point(text)) == repr(reading.point(text))
