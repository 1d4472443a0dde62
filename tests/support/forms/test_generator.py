"""The generator of forms itself: what it promises to those who judge with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from tests.support.forms.asked import HIDDEN
from tests.support.forms.histories import histories, trees
from tests.support.forms.oddities import odd_submissions
from tests.support.forms.reparsing import reparsed
from tests.support.forms.submissions import submissions
from tests.support.forms.tree import MATRIX, RANK, REPEAT, SCORE, Tree
from tests.support.forms.types import QUESTIONS

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEARCH = settings(max_examples=5_000, deadline=None, phases=[Phase.generate], database=None)


def test_every_type_and_section_is_drawn() -> None:
    seen = set[str]()

    @settings(SEARCH, max_examples=400)
    @given(trees(wide=False))
    def draw(tree: Tree) -> None:
        seen.update(node.type for _, node in tree.walk())

    draw()
    assert seen >= {*QUESTIONS, REPEAT, MATRIX, RANK, SCORE}


def test_repeats_stand_in_each_other_to_three_levels() -> None:
    tree = find(trees(), lambda tree: any(_levels(tree, at) == 3 for at, _ in tree.walk()), settings=SEARCH)
    assert tree.nodes


def _levels(tree: Tree, address: tuple[int, ...]) -> int:
    return sum(tree.at(address[:length]).type == REPEAT for length in range(1, len(address) + 1))


@given(st.data())
@FEW
def test_submissions_are_json_and_regular_ones_hold_texts_alone(data: st.DataObject) -> None:
    versions = data.draw(histories(versions=3))
    document = data.draw(submissions(versions[-1], kobo_id=7))
    assert json.loads(json.dumps(document)) == document
    assert document["_id"] == 7
    assert all(_is_regular(value) for path, value in document.items() if path not in HIDDEN)
    odd = data.draw(odd_submissions(versions, kobo_id=7))
    assert odd["_id"] == 7
    assert json.loads(json.dumps(odd)) == odd


def _is_regular(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(row and all(map(_is_regular, row.values())) for row in value)
    return isinstance(value, str)


@given(st.data())
@FEW
def test_parsing_anew_with_the_same_version_changes_nothing(data: st.DataObject) -> None:
    (version,) = data.draw(histories(versions=1))
    document = data.draw(submissions(version))
    assert reparsed(document, version.repeats) == document


@pytest.mark.parametrize(
    ("document", "repeats", "shown"),
    [
        ({"g/q": "old"}, ["g"], {"g": [{"g/q": "old"}]}),
        ({"g": [{"g/q": "1"}]}, [], {"g/q": "1"}),
        ({"r": [{"r/x": "1"}, {"r/x": "2"}]}, [], {"r": [{"r/x": "1"}, {"r/x": "2"}]}),
        ({"a/b/q": "1"}, ["a", "a/b"], {"a": [{"a/b": [{"a/b/q": "1"}]}]}),
        ({"a/b": [{"a/b/q": "1"}], "a/x": "2"}, ["a"], {"a": [{"a/b/q": "1", "a/x": "2"}]}),
        (
            {"_attachments": [{"uid": "x"}], "q": "1"},
            ["_attachments"],
            {"_attachments": [{"uid": "x"}], "q": "1"},
        ),
    ],
)
def test_parsing_anew_moves_answers_as_a_server_does(
    document: dict[str, Any], repeats: list[str], shown: dict[str, Any]
) -> None:
    assert reparsed(document, repeats) == shown
