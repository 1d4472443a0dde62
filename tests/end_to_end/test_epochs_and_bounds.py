"""What a run reads: rows that are gone by the number, another epoch, ``since``, what the history names."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import DeletesWaitError, KoboMirrorError
from kobo_mirror.store.bindings import epochs_of, raise_epoch
from kobo_mirror.store.runs import open_run
from kobo_mirror.store.writer import Writer
from simulator.options import Options
from tests.support.mirroring import Mirroring
from tests.support.passing_time import pass_time
from tests.support.rebuilding import LARGE_FORM, drop_and_migrate, stop_after
from tests.support.tables import answers, ledger, records, run_sql

INCREMENTAL: dict[str, Any] = {"mode": "incremental", **LARGE_FORM}
FIRST = 2
"""The epoch of the first rows: the form was bound in 1, and the tables beside kobo_records were new."""


def epochs(mirroring: Mirroring) -> tuple[int, int]:
    """The current epoch, and the newest one that was read."""
    with reading(mirroring.engine) as connection:
        return epochs_of(connection, "kobo_records")


def have_a_watermark(mirroring: Mirroring) -> None:
    """Sync until runs are incremental."""
    for _ in range(3):
        mirroring.sync(**LARGE_FORM)
        pass_time(mirroring.engine, 30)


def lose(mirroring: Mirroring, number: int) -> None:
    run_sql(
        mirroring.engine,
        "DELETE FROM kobo_records WHERE kobo_id IN "  # our own text
        f"(SELECT kobo_id FROM kobo_records ORDER BY kobo_id LIMIT {number})",
    )


def invent(mirroring: Mirroring, number: int) -> None:
    columns = ", ".join(column for column in next(iter(records(mirroring.engine).values())) if column != "id")
    values = columns.replace("kobo_id", "kobo_id + 1000000")
    run_sql(
        mirroring.engine,
        f"INSERT INTO kobo_records (id, {columns}) "  # our own names
        f"SELECT randomblob(16), {values} FROM kobo_records LIMIT {number}",
    )


@pytest.mark.parametrize("differ", [lose, invent])
@pytest.mark.parametrize(
    ("rows", "number", "anew"),
    [(30, 10, False), (30, 11, True), (300, 15, False), (300, 16, True)],
)
def test_a_few_missing_or_extra_rows_are_repaired_one_by_one(
    embedded: Mirroring, differ: Callable[[Mirroring, int], None], rows: int, number: int, anew: bool
) -> None:
    embedded.simulator.control.reset(rows=rows)
    embedded.sync()
    before = answers(embedded.engine)
    differ(embedded, number)
    embedded.sync(**INCREMENTAL)
    assert epochs(embedded) == ((FIRST + 1, FIRST + 1) if anew else (FIRST, FIRST))
    if differ is lose or not anew:
        assert answers(embedded.engine) == before


RISES: dict[str, Callable[[Mirroring], object]] = {
    "declared otherwise": lambda m: transact(m.engine, lambda c: raise_epoch(c, m.mirror)),
    "dropped": lambda m: drop_and_migrate(m.engine),
}


@pytest.mark.parametrize("rise", RISES)
def test_a_stopped_run_is_not_resumed_in_another_epoch(embedded: Mirroring, rise: str) -> None:
    """Its lanes were read in the one before, and what they wrote is of that one."""
    stop_after(embedded, 29)
    with pytest.raises(KoboMirrorError):
        embedded.sync(embedded.client(attempts=1), page_size=10, in_flight=1)
    embedded.simulator.control.faults.clear()
    assert len(ledger(embedded.engine)) > 40
    RISES[rise](embedded)
    result = embedded.sync(**INCREMENTAL)
    assert (result["rows_read"], epochs(embedded)) == (300, (FIRST + 1, FIRST + 1))
    assert {row["epoch"] for row in ledger(embedded.engine).values()} == {FIRST + 1}
    assert embedded.verify().equal


def test_a_run_that_did_not_read_from_the_start_has_not_read_the_epoch(embedded: Mirroring) -> None:
    """It stopped under an older version, which let it begin above what this epoch has not read."""
    embedded.sync()
    transact(embedded.engine, lambda connection: raise_epoch(connection, embedded.mirror))
    asset, highest = embedded.simulator.asset, embedded.simulator.control.ids()[-1]
    begun = partial(
        open_run, asset_uid=asset, name="sync", mode="incremental", watermark=highest, epoch=FIRST + 1
    )
    transact(embedded.engine, begun)
    assert embedded.sync(**INCREMENTAL)["rows_read"] == 0
    assert epochs(embedded) == (FIRST + 1, FIRST)
    assert status(embedded.engine)["light"] != "green"
    assert embedded.sync(**INCREMENTAL)["rows_read"] == 300
    assert epochs(embedded) == (FIRST + 1, FIRST + 1)
    assert {row["epoch"] for row in ledger(embedded.engine).values()} == {FIRST + 1}


@pytest.mark.parametrize("place", [0, None])
def test_since_leaves_out_nothing_of_an_epoch_that_was_not_read(
    embedded: Mirroring, place: int | None
) -> None:
    embedded.sync()
    before = answers(embedded.engine)
    drop_and_migrate(embedded.engine)
    since = 10**9 if place is None else embedded.simulator.control.ids()[place]
    assert embedded.sync(since=since, **INCREMENTAL)["rows_read"] == 300
    assert answers(embedded.engine) == before
    assert {row["epoch"] for row in ledger(embedded.engine).values()} == {FIRST + 1}
    assert epochs(embedded) == (FIRST + 1, FIRST + 1)


@pytest.mark.parametrize("since", [0, 10**9])
def test_since_leaves_out_nothing_that_is_new(embedded: Mirroring, since: int) -> None:
    have_a_watermark(embedded)
    embedded.simulator.control.create(3)
    client = embedded.client(token=Options().viewer_token)  # who may not read the history
    assert embedded.sync(client, since=since, **INCREMENTAL)["inserted"] == 3


def test_rows_that_are_missing_and_gone_from_the_server_wait_behind_the_guard(embedded: Mirroring) -> None:
    """Only the count finds them: the run neither sweeps nor may read the history."""
    control = embedded.simulator.control
    control.reset(rows=100)
    embedded.sync()
    control.delete(control.ids()[:5])
    assert embedded.sync()["deleted"] == 5
    have_a_watermark(embedded)
    control.delete(control.ids()[:8])
    lose(embedded, 8)
    with pytest.raises(DeletesWaitError, match="8 of 95 submissions have gone"):
        embedded.sync(embedded.client(token=Options().viewer_token), **INCREMENTAL)


def test_what_the_history_names_below_the_watermark_is_asked_for_though_it_is_held(
    embedded: Mirroring,
) -> None:
    """A delivery brought it, and its photo came after that."""
    control = embedded.simulator.control
    (late,) = control.create(1, hidden=True)
    control.create(2)
    have_a_watermark(embedded)
    control.reveal(late)
    (row,) = control.rows(late)
    assert Writer(embedded.engine, embedded.mirror).push(json.dumps(row).encode()).result == "inserted"
    control.attach(late)
    assert embedded.sync(**INCREMENTAL)["updated"] == 1
    assert embedded.verify().equal
