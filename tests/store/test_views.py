"""Views of any form, beside an independent reading of the catalog and the tables, version after version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from kobo_mirror.config.view_kinds import FURTHER_VIEWS
from kobo_mirror.store.views import bring_up_views
from tests.support.forms import judging
from tests.support.forms.applied import Applying
from tests.support.forms.histories import Deployed, all_changes, histories
from tests.support.forms.judging import UID
from tests.support.forms.oddities import odd_submissions
from tests.support.forms.promoting import drain, finish, note_all_read
from tests.support.forms.row_set_writing import RowSetWriting, forget
from tests.support.forms.submissions import submissions
from tests.support.forms.viewed import Viewed
from tests.support.tables import run_sql

FEW = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=25)
SOME = settings(FEW, max_examples=4)


def check_views(applying: Applying, data: st.DataObject, versions: Sequence[Deployed]) -> None:
    """Submissions of each version: after each, views show what the tables and the catalog say."""
    schemas = judging.grown(versions)[1:]
    documents: dict[int, Any] = {}
    try:
        for number, schema in enumerate(schemas, 1):
            rose = applying.apply(schema).epoch_rose
            rose = finish(applying).epoch_rose or rose
            note_all_read(applying)
            assert bring_up_views(applying.engine, schema, applying.lease, FURTHER_VIEWS) is None
            writing = RowSetWriting(applying)
            if rose:
                writing.write(*writing.shape(*documents.values()))
            else:
                drain(applying, documents.values(), writing)
            drawn = {i: data.draw(odd_submissions(versions, kobo_id=i)) for i in (1, 2)}
            drawn |= {
                i: data.draw(submissions(versions[number - 1], kobo_id=i))
                for i in (3 * number, 3 * number + 1)
            }
            writing.write(*writing.shape(*drawn.values()))
            documents |= drawn
            languages = [name or "default" for name in versions[number - 1].tree.languages] or ["default"]
            Viewed(applying.engine, UID, schema.versions, languages).check()
    finally:
        run_sql(applying.engine, "DELETE FROM kobo_to_fetch")
        forget(applying)


@given(data=st.data())
@FEW
def test_views_of_any_form_show_its_tables(engine: Engine, data: st.DataObject) -> None:
    versions = data.draw(histories(versions=3, most=5, wide=False))
    check_views(Applying(engine), data, versions)


@pytest.mark.long
@given(data=st.data())
@MANY
def test_views_of_many_forms_show_their_tables(engine: Engine, data: st.DataObject) -> None:
    check_views(Applying(engine), data, data.draw(histories(versions=8, most=6)))


@pytest.mark.long
@given(data=st.data())
@SOME
def test_views_follow_each_of_twenty_changes(engine: Engine, data: st.DataObject) -> None:
    versions = data.draw(all_changes())
    assert len(versions) == 21
    check_views(Applying(engine), data, versions)
