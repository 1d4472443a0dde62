"""Any form that grows: what is not asked for after a version is what it should be; the rest becomes it."""

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
from tests.support.forms.promoting import drain, finish, note_all_read
from tests.support.forms.read_back import read_back, wanted
from tests.support.forms.row_set_writing import RowSetWriting, forget
from tests.support.tables import run_sql

FEW = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=150)


def check_growth(applying: Applying, data: st.DataObject) -> None:
    """Versions and submissions in any order: what was not enqueued is already what it should be."""
    versions = data.draw(histories(versions=4, most=6))
    schemas = judging.grown(versions)[1:]
    documents: dict[int, Any] = {}
    try:
        for schema in schemas:
            done = applying.apply(schema)
            rose = finish(applying).epoch_rose or done.epoch_rose
            note_all_read(applying)
            writing = RowSetWriting(applying)
            if rose:
                writing.write(*writing.shape(*documents.values()))
            else:
                drain(applying, documents.values())
            drawn = {
                i: data.draw(odd_submissions(versions, kobo_id=i))
                for i in data.draw(st.lists(st.integers(1, 4), max_size=3, unique=True))
            }
            writing.write(*writing.shape(*drawn.values()))
            documents |= drawn
            assert read_back(applying.engine, UID) == wanted(writing.shape(*documents.values()))
    finally:
        run_sql(applying.engine, "DELETE FROM kobo_to_fetch")
        forget(applying)


@given(data=st.data())
@FEW
def test_any_form_that_grows_ends_in_its_rows(engine: Engine, data: st.DataObject) -> None:
    check_growth(Applying(engine), data)


@pytest.mark.long
@given(data=st.data())
@MANY
def test_many_forms_that_grow_end_in_their_rows(engine: Engine, data: st.DataObject) -> None:
    check_growth(Applying(engine), data)
