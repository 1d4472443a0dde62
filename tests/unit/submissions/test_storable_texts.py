"""What is known of a submission's texts beforehand changes nothing of what it becomes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kobo_mirror.submissions.answers import storable
from kobo_mirror.submissions.document import are_texts_storable, parse
from kobo_mirror.submissions.shaper import Shaper
from tests.support.judge.drawn import Drawn, drawn
from tests.unit.submissions.contract.forms import schema_of
from tests.unit.submissions.contract.table import Case
from tests.unit.submissions.test_contract import ROWS_OF_THE_TABLE, id_of

SOME = settings(max_examples=50, deadline=None)
MANY = settings(max_examples=4000, deadline=None)


def texts(value: Any) -> Iterator[str]:
    """All texts in a document, keys included."""
    if isinstance(value, str):
        yield value
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key
        yield from texts(inner)
    for inner in value if isinstance(value, list) else ():
        yield from texts(inner)


def as_sent(document: dict[str, Any]) -> bytes | None:
    """The document as JSON in UTF-8; None: it is of values that JSON does not have."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return text.encode() if all(map(storable, texts(document))) else json.dumps(document).encode()


def check(shaper: Shaper, document: dict[str, Any], raw: bytes) -> None:
    known = are_texts_storable(raw)
    assert known <= all(map(storable, texts(document)))
    assert shaper.shape(parse(raw), texts_are_storable=known) == shaper.shape(document)


SENT = [(row, raw) for row in ROWS_OF_THE_TABLE if (raw := as_sent({"_id": 1, **row.answers}))]


@pytest.mark.parametrize(("row", "raw"), SENT, ids=[id_of(row) for row, _ in SENT])
def test_a_document_of_the_table_becomes_the_same(row: Case, raw: bytes) -> None:
    check(Shaper(schema_of(row.form)), {"_id": 1, **row.answers}, raw)


def test_most_of_the_table_can_be_sent_and_most_of_that_is_known_to_be_storable() -> None:
    known = [raw for _, raw in SENT if are_texts_storable(raw)]
    assert len(known) > 0.8 * len(SENT) > 0.7 * len(ROWS_OF_THE_TABLE)


def becomes_the_same(found: Drawn) -> None:
    raw = as_sent(found.document)
    assume(raw is not None)
    assert raw is not None
    check(Shaper(found.schema), found.document, raw)


test_a_document_of_any_form_becomes_the_same = SOME(given(drawn())(becomes_the_same))
test_a_document_of_many_forms_becomes_the_same = pytest.mark.long(MANY(given(drawn())(becomes_the_same)))


@pytest.mark.parametrize("bad", ["\0", "\ud800", "\udfff", "x\udabcy"])
@pytest.mark.parametrize("ascii_alone", [True, False])
def test_a_text_that_no_database_keeps_is_seen(bad: str, ascii_alone: bool) -> None:
    raw = json.dumps({"_id": 1, "q": bad}, ensure_ascii=ascii_alone).encode("utf-8", "surrogatepass")
    assert not are_texts_storable(raw) or parse(raw)["q"].fault


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_texts_that_are_sent_in_utf_8_are_storable(text: str) -> None:
    raw = json.dumps({"_id": 1, "q": text}, ensure_ascii=False).encode()
    assert are_texts_storable(raw) or "\\u" in text
