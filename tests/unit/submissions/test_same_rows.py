"""What changes no row: a version that asks more, other labels, a parsing by another version."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive, grow
from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.submissions.shaper import Shaper
from tests.support.forms.reparsing import reparsed
from tests.support.judge.drawn import ASSET, Drawn, drawn, schema_of
from tests.unit.submissions.contract.forms import schema_of as schema_of_contract

SOME = settings(max_examples=40, deadline=None)
MANY = settings(max_examples=3000, deadline=None)
BORN = (
    {"type": "text", "name": "zz_text"},
    {"type": "integer", "name": "zz_number"},
    {"type": "dateTime", "name": "zz_moment"},
    {"type": "geopoint", "name": "zz_point"},
    {"type": "image", "name": "zz_photo"},
)
REPEAT = ({"type": "begin_repeat", "name": "zz_rows"}, *BORN, {"type": "end_repeat"})
GROUP = ({"type": "begin_group", "name": "zz_group"}, *BORN, {"type": "end_group"})


def asking_more(survey: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of a survey with further questions at its end, and in each of its repeats."""
    for row in survey:
        yield row
        if str(row.get("type")).replace(" ", "_") == "begin_repeat":
            yield from (*BORN, *REPEAT)
    yield from (*BORN, *GROUP, *REPEAT)


def stays_with_a_version_that_asks_more(found: Drawn) -> None:
    content = copy.deepcopy(found.versions[-1].content)
    content["survey"] = list(asking_more(content["survey"]))
    grown = grow(found.schema, read_version("vMore", content))
    assert grown.fingerprint != found.schema.fingerprint
    assert Shaper(grown).shape(found.document).digest() == found.row_set.digest()


test_a_column_that_is_born_changes_no_digest = SOME(given(drawn())(stays_with_a_version_that_asks_more))
test_a_column_that_is_born_changes_no_digest_of_many = pytest.mark.long(
    MANY(given(drawn())(stays_with_a_version_that_asks_more))
)


def test_numbers_of_a_point_that_are_born_change_no_digest_where_there_are_none() -> None:
    """A text that has become a point has further columns, which are NULL for a text that is none."""
    before, after = schema_of_contract("kinds", 1), schema_of_contract("kinds", 2)
    assert "spot__lat" in {column.name for column in after.root.columns}
    for document, is_same in (({"_id": 1, "spot": "here"}, True), ({"_id": 1, "spot": "1 2"}, False)):
        digests = {Shaper(schema).shape(document).digest() for schema in (before, after)}
        assert (len(digests) == 1) is is_same


def test_the_list_that_the_server_makes_of_an_answer_changes_no_digest() -> None:
    """A version that waits may make a repeat of a question: its answers, the rejected ones too, are lists."""
    shaper = Shaper(schema_of_contract("all"))
    for answer in ("35", "many", ""):
        plain, listed = (shaper.shape({"_id": 1, "age": value}) for value in (answer, [{"age": answer}]))
        assert listed == plain
        assert listed.digest() == plain.digest()


def test_rejected_cells_stand_in_one_order_whatever_the_order_of_keys() -> None:
    answers = {"age": "x", "weight": "x", "people": [{"people/years": "x"}], "born": "x"}
    shaper = Shaper(schema_of_contract("all"))
    one, other = (
        shaper.shape({"_id": 1, **dict(items)}) for items in (answers.items(), reversed(answers.items()))
    )
    assert [cell.column for cell in one.rejected] == ["age", "born", "weight", "years"]
    assert other == one


def relabelled(content: dict[str, Any]) -> dict[str, Any]:
    """The same content, its labels and hints in other words."""
    changed = copy.deepcopy(content)
    for row in (*changed["survey"], *changed["choices"]):
        for key in list(row):
            if key.startswith(("label", "hint")):
                row[key] = ["another", None] if isinstance(row[key], list) else "another"
    return changed


@SOME
@given(drawn())
def test_labels_change_neither_the_shape_nor_a_digest(found: Drawn) -> None:
    versions = [read_version(version.uid, relabelled(version.content)) for version in found.versions]
    schema = derive(ASSET, "f", versions)
    assert schema.fingerprint == found.schema.fingerprint
    assert Shaper(schema).shape(found.document).digest() == found.row_set.digest()


@SOME
@given(drawn(is_odd=False))
def test_neither_the_order_of_files_nor_what_the_server_guesses_changes_a_digest(found: Drawn) -> None:
    files = [item | {"question_xpath": "elsewhere"} for item in found.document["_attachments"]]
    other = Shaper(found.schema).shape(found.document | {"_attachments": files[::-1]})
    assert other.digest() == found.row_set.digest()
    assert {file.uid: file.matched for file in other.files} == {
        file.uid: file.matched for file in found.row_set.files
    }


def rows_of(row_set: RowSet) -> list[Any]:
    return [(row.table.name, row.pos, row.cells, row.extra, row.counts) for row in row_set.rows]


def stays_when_parsed_anew(found: Drawn, by: int, applied: int) -> None:
    """The server parses a submission by any version; here, all are applied, or the newest ones wait."""
    made = found.versions.index(found.made_with) + 1
    known = schema_of(found.versions[: max(made, applied % len(found.versions) + 1)])
    repeats = found.versions[by % len(found.versions)].repeats
    anew = reparsed(found.document, repeats)
    before, after = Shaper(known).shape(found.document), Shaper(known).shape(anew)
    assert rows_of(after) == rows_of(before)
    assert after.digest() == before.digest()
    assert not any(row.extra for row in before.rows)


_NUMBERS = st.integers(0, 5)
test_parsing_by_another_version_changes_no_row = SOME(
    given(drawn(is_odd=False), _NUMBERS, _NUMBERS)(stays_when_parsed_anew)
)
test_parsing_of_many_by_another_version_changes_no_row = pytest.mark.long(
    MANY(given(drawn(is_odd=False, versions=5), _NUMBERS, _NUMBERS)(stays_when_parsed_anew))
)
