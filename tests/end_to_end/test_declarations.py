"""A declared table alone whose declaration changes: every row is written again, old processes write nothing.

Such a mirror has no derived tables beside it, as one that version 0.1 made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kobo_mirror.errors import KoboMirrorError, SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Column, Form, Kind
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import sync_runs
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.verify import verify
from tests.support.mirroring import Mirroring
from tests.support.rebuilding import stop_after
from tests.support.submissions import body, submission
from tests.support.tables import ledger, records, rows_of, run_sql

NEEDS = Column("needs", "sec_c/cd_needs", required=False)


TIME = KOBO_RECORDS.columns[-1]


ONE_FEWER = Form("kobo_records", (*KOBO_RECORDS.columns[:-2], TIME))


ONE_REPLACED = Form("kobo_records", (*KOBO_RECORDS.columns[:-2], NEEDS, TIME))


SAME_VALUES = Form(  # another name for a column: the cells, and with them row_digest, are the same
    "kobo_records", (replace(KOBO_RECORDS.columns[0], name="day"), *KOBO_RECORDS.columns[1:])
)


AS_TEXT = Form(
    "kobo_records",
    tuple(replace(c, kind=Kind.TEXT) if c.name == "age" else c for c in KOBO_RECORDS.columns),
)


def sync_as(mirroring: Mirroring, form: Form, **options: Any) -> dict[str, Any]:
    return mirroring.sync(form=form, **options)


def equal_as(mirroring: Mirroring, form: Form) -> bool:
    with mirroring.client() as client:
        mirror = Mirror(form, mirroring.mirror.server, mirroring.simulator.asset)
        report = verify(client, mirroring.engine, mirror, lambda *_: None, full=True)
    return report.equal and report.compared == len(records(mirroring.engine, form))


@pytest.mark.parametrize(
    "form",
    [ONE_FEWER, SAME_VALUES, *(pytest.param(one, marks=pytest.mark.long) for one in (ONE_REPLACED, AS_TEXT))],
)
@pytest.mark.parametrize("mode", ["auto", "incremental"])
def test_another_declaration_writes_every_row(mirroring: Mirroring, form: Form, mode: str) -> None:
    sync_as(mirroring, KOBO_RECORDS)
    run_sql(mirroring.engine, "DROP TABLE kobo_records")
    migrate(mirroring.engine, form)
    sync_as(mirroring, form, mode=mode)
    assert len(records(mirroring.engine, form)) == 300
    assert equal_as(mirroring, form)


@pytest.mark.parametrize("form", [ONE_FEWER, SAME_VALUES])
@pytest.mark.parametrize("pages", [1, 4])
def test_an_unfinished_run_is_not_resumed_under_another_declaration(
    mirroring: Mirroring, form: Form, pages: int
) -> None:
    stop_after(mirroring, pages)
    with pytest.raises(KoboMirrorError):
        mirroring.sync(mirroring.client(attempts=1), form=KOBO_RECORDS, page_size=10, in_flight=1)
    mirroring.simulator.control.faults.clear()
    assert 0 < len(records(mirroring.engine)) < 300
    run_sql(mirroring.engine, "DROP TABLE kobo_records")
    migrate(mirroring.engine, form)
    sync_as(mirroring, form)
    assert equal_as(mirroring, form)
    assert len(records(mirroring.engine, form)) == 300


def test_an_unfinished_run_of_the_same_epoch_is_resumed(mirroring: Mirroring) -> None:
    stop_after(mirroring, 5)
    with pytest.raises(KoboMirrorError):
        mirroring.sync(mirroring.client(attempts=1), form=KOBO_RECORDS, page_size=10, in_flight=1)
    mirroring.simulator.control.faults.clear()
    loaded = len(records(mirroring.engine))
    assert 0 < loaded < 300
    sync_as(mirroring, KOBO_RECORDS, page_size=10)
    (run,) = rows_of(mirroring.engine, sync_runs)
    assert (run["inserted"], run["rows_read"]) == (300, 300)


def test_a_process_of_another_declaration_is_refused_and_writes_nothing(mirroring: Mirroring) -> None:
    sync_as(mirroring, KOBO_RECORDS)
    run_sql(mirroring.engine, "DROP TABLE kobo_records")
    migrate(mirroring.engine, ONE_FEWER)
    writer = Writer(mirroring.engine, mirroring.mirror)
    before = ledger(mirroring.engine)
    for kobo_id in (1, 412001):
        with pytest.raises(SchemaError, match="declared otherwise"):
            writer.push(body(submission(kobo_id)))
    assert ledger(mirroring.engine) == before
    sync_as(mirroring, ONE_FEWER)
    assert equal_as(mirroring, ONE_FEWER)
