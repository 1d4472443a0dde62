"""A hundred forms in bounded memory: those that were not used for the longest time are read again."""

from __future__ import annotations

import gc
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import submissions
from kobo_mirror.sync.receive import Accepted
from kobo_mirror.sync.receive_by_path import PathReceivers
from tests.support.forms.applied import Applying
from tests.support.forms.delivered import sent
from tests.support.forms.surveys import ask, survey

FORMS, QUESTIONS = 100, 250
MOST_COLUMNS, MOST_MEGABYTES = 2_000, 30
"""All forms have 27,000 columns, which take some 80 MB: these would take 6."""


def schema_of(key: str) -> FormSchema:
    questions = [row for number in range(QUESTIONS) for row in ask("text", f"q{number}_of_{key[-3:]}")]
    return survey(questions, uid=key, name=f"form {key[-3:]}")


def megabytes() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 2**20


@pytest.mark.long
def test_a_hundred_forms_take_no_more_memory_than_some(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'forms.sqlite'}")
    migrate(engine)
    keys = [f"aLargeForm{number:012d}" for number in range(FORMS)]
    for key in keys:
        Applying(engine, key).apply(schema_of(key))
    receivers = PathReceivers(engine, "rejected", most_columns=MOST_COLUMNS)

    def deliver_to_all(kobo_id: int) -> None:
        for key in keys:
            outcome = receivers.receive(key, sent(kobo_id, _xform_id_string=key))
            assert isinstance(outcome, Accepted)
            assert outcome.result.result == "inserted"
            assert 0 < receivers.columns <= MOST_COLUMNS

    deliver_to_all(1)
    before = megabytes()
    for kobo_id in (2, 3):
        deliver_to_all(kobo_id)
    assert megabytes() - before < MOST_MEGABYTES
    with engine.connect() as connection:
        rows = connection.execute(select(submissions.c.asset_uid, submissions.c.kobo_id)).all()
    assert {(key, kobo_id) for key, kobo_id in rows} == {(key, one) for key in keys for one in (1, 2, 3)}
    engine.dispose()
