"""Row sets are written so that an independent reader of the catalog, and our own, find just what they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.support.forms import judging
from tests.support.forms.applied import Applying
from tests.support.forms.histories import histories
from tests.support.forms.judging import UID
from tests.support.forms.oddities import odd_submissions
from tests.support.forms.read_back import read_back, wanted
from tests.support.forms.row_set_reading import as_written, read
from tests.support.forms.row_set_writing import RowSetWriting, clocks_of, forget

FEW = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=200)
IDS = (1, 2, 3)


def check_history(applying: Applying, data: st.DataObject) -> None:
    """Versions and states of submissions in any order: what is there in the end is their last states."""
    versions = data.draw(histories(versions=3, most=6))
    schemas = judging.grown(versions)[1:]
    documents: dict[int, Any] = {}
    root = schemas[-1].root.name
    digests: dict[int, bytes] = {}
    try:
        for number, schema in enumerate(schemas, 1):
            applying.apply(schema)
            writing = RowSetWriting(applying)
            write_anew(writing, documents, digests, root)
            for _ in range(data.draw(st.integers(1, 4))):
                ids = data.draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True))
                if data.draw(st.integers(0, 4)) == 0:
                    writing.remove(*ids)
                    documents = {i: d for i, d in documents.items() if i not in ids}
                else:
                    drawn = {i: data.draw(odd_submissions(versions[:number], kobo_id=i)) for i in ids}
                    documents |= drawn
                    writing.write(*writing.shape(*drawn.values()))
                row_sets = writing.shape(*documents.values())
                assert read_back(applying.engine, UID) == wanted(row_sets)
                assert read(writing) == as_written(row_sets)
            digests = {row_set.kobo_id: row_set.digest() for row_set in row_sets}
    finally:
        forget(applying)


def write_anew(
    writing: RowSetWriting, documents: dict[int, Any], digests: dict[int, bytes], root: str
) -> None:
    """Write all tables of all submissions by another schema: only times of other row sets move."""
    before = clocks_of(writing.engine, root)
    row_sets = {row_set.kobo_id: row_set for row_set in writing.shape(*documents.values())}
    writing.invalidate()
    assert writing.write(*row_sets.values()) == len(documents)
    assert read_back(writing.engine, UID) == wanted(row_sets.values())
    for kobo_id, (updated, inserted) in clocks_of(writing.engine, root).items():
        is_same = digests[kobo_id] == row_sets[kobo_id].digest()
        assert (updated == before[kobo_id][0]) == is_same
        assert inserted == before[kobo_id][1]


@given(data=st.data())
@FEW
def test_any_history_of_any_form_ends_in_its_last_states(engine: Engine, data: st.DataObject) -> None:
    check_history(Applying(engine), data)


@pytest.mark.long
@given(data=st.data())
@MANY
def test_many_histories_of_any_form_end_in_their_last_states(engine: Engine, data: st.DataObject) -> None:
    check_history(Applying(engine), data)
