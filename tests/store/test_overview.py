"""The state of a mirror is read once, by key, and all who show it say the same of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, update

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import KoboMirrorError, ServerError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store import dead_letters, failed_runs, runs
from kobo_mirror.store.bindings import note_epoch_read, raise_epoch
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.codes import code_for
from kobo_mirror.store.lights import judge
from kobo_mirror.store.overview import MirrorState, read_state
from kobo_mirror.store.proofs import note_proof
from kobo_mirror.store.refetch_queue import FAILED_DELIVERY, enqueue
from kobo_mirror.store.registrations import Remembered, remember
from kobo_mirror.store.rejected_cells import NONE_REJECTED
from kobo_mirror.store.tables import PROVEN, sync_runs
from kobo_mirror.store.totals import note_server_count
from tests.support.submissions import ASSET, MIRROR, submission
from tests.support.writing import Writing
from webhook.metrics import figures_of

OTHER = "aOtherForm00000000001"
STATEMENTS = 12  # an open plan, and a list of deletes that waits, take one each


def state_of(engine: Engine, asset_uid: str = ASSET) -> MirrorState:
    with reading(engine) as connection:
        return read_state(connection, KOBO_RECORDS, asset_uid)


def sync(engine: Engine, mode: str, *, error: Exception | None = None, **findings: Any) -> int:
    def work(connection: Any) -> int:
        run_id = runs.open_run(connection, ASSET, f"sync {mode}", mode, None)
        if error:
            runs.note_error(connection, run_id, error)
        runs.note_findings(connection, run_id, {"inserted": 3, **findings})
        runs.finish_run(connection, run_id)
        return run_id

    return transact(engine, work)


@pytest.fixture
def full(engine: Engine) -> Engine:
    """A mirror of which there is something to say in every respect."""
    writing = Writing(engine)
    writing.pull(*(submission(i) for i in range(1, 8)), submission(8, age="x"))
    transact(engine, lambda c: runs.finish_run(c, writing.run_id))
    transact(engine, lambda c: note_epoch_read(c, MIRROR, 1))
    sync(engine, "exact", history_gap=True)
    sync(engine, "incremental", error=ServerError("It is busy."))
    found = dict.fromkeys(PROVEN, 0) | {"compared": 8, "rejected": 1}
    for whole, stale in ((True, 0), (False, 2)):
        note_proof(engine, ASSET, started_at=writing.now(), whole=whole, found=found | {"stale": stale})
    error = KoboMirrorError("No.")
    transact(engine, lambda c: failed_runs.note_failed_verification(c, ASSET, "verify", error))
    transact(engine, lambda c: runs.open_run(c, ASSET, "sync open", "exact", None))
    transact(engine, lambda c: enqueue(c, ASSET, [1, 2], "moved"))
    transact(engine, lambda c: enqueue(c, ASSET, [3], FAILED_DELIVERY))
    transact(engine, lambda c: note_server_count(c, ASSET, 9))
    transact(engine, lambda c: code_for(c, ASSET, [5, 6]))
    for asset in (ASSET, None, OTHER):
        dead_letters.keep(engine, body=b"{", source="webhook", reason="no", asset_uid=asset)
    remember(engine, ASSET, Remembered("rest_service", "https://mirror.test", "h", "0" * 16))
    return engine


def test_all_that_is_known_is_read(full: Engine) -> None:
    state = state_of(full)
    assert state.newest_sync
    assert state.unfinished == state.newest_sync
    assert state.newest_sync.name == "sync open"
    assert state.last_finished
    assert (state.last_finished.failure, state.last_finished.error) == ("ServerError", "It is busy.")
    assert state.last_good
    assert state.last_good == state.last_good_exact
    assert (state.last_good.mode, state.last_good.inserted) == ("exact", 3)
    assert state.history_gap == state.last_good.finished_at
    assert state.verification_failure
    assert state.verification_failure.name == "verify"
    assert state.proof
    assert state.full_proof
    assert (state.proof.differences, state.full_proof.differences) == (2, 0)
    assert (state.applied, state.rejected, state.deleted) == (7, 1, 0)
    assert (state.to_fetch, state.failed_deliveries, state.dead_letters) == (3, 1, 2)
    assert state.on_server
    assert state.on_server.submissions == 9
    assert state.waiting_deletes
    assert state.waiting_deletes.ids == [5, 6]
    assert [known.endpoint for known in state.registrations] == ["https://mirror.test"]
    assert (state.lease_holder, state.must_read_all) == ("test", False)
    transact(full, lambda c: raise_epoch(c, MIRROR))
    assert state_of(full).must_read_all


def test_of_a_form_that_is_not_bound_nothing_is_known(full: Engine) -> None:
    state = state_of(full, "aNoSuchForm0000000001")
    assert state == MirrorState(moment=state.moment, dead_letters=1, refetch={}, registrations=[])
    assert [finding.key for finding in judge(state)] == ["never_synced"]


def test_it_is_read_in_few_statements_and_none_reads_the_ledger(full: Engine) -> None:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(full, "before_cursor_execute", note)
    state_of(full)
    event.remove(full, "before_cursor_execute", note)
    reads = [statement for statement in seen if statement.startswith("SELECT")]
    assert len(reads) == STATEMENTS
    assert not [read for read in reads if "kobo_submissions" in read or KOBO_RECORDS.table in read]


def test_rejected_cells_are_counted_and_their_columns_read_where_there_are_any(full: Engine) -> None:
    assert (state_of(full).tables, state_of(full).rejected_cells) == (1, 0)
    cell = {"table_name": "t", "pos": "", "column_name": "c", "path": "q", "value": "x", "reason": "y"}
    cells = [{"asset_uid": ASSET, "kobo_id": i, "key_hash": bytes(16), **cell} for i in (1, 2)]
    transact(full, lambda c: c.execute(insert(rejected_cells), cells))
    state = state_of(full)
    assert state.rejected_cells == sum(column.cells for column in state.rejected_columns.found) == 2
    assert state_of(full, OTHER).rejected_cells == 0
    assert (status(full)["rejected_cells"], figures_of(state)["rejected_cells"]) == (2, 2)
    with reading(full) as connection:
        brief = read_state(connection, KOBO_RECORDS, ASSET, columns=None)
    assert (brief.rejected_cells, brief.rejected_columns) == (2, NONE_REJECTED)


def test_status_and_metrics_say_the_same(full: Engine) -> None:
    told, figures = status(full), figures_of(state_of(full))
    assert figures["dead_letters_waiting"] == told["dead_letters"] == 2
    assert figures["to_fetch"] == told["to_fetch"] == 3
    assert figures["rejections"] == told["rejected"] == 1
    assert figures["last_proof_differences"] == 2
    assert "2 stale" in told["last_proof"]
    assert figures["last_sync_inserted"] == 3
    assert told["tables"] == [("kobo_records", 7)]
    assert figures["tables"] == 1
    assert (told["unfinished_run"], told["error"]) == ("sync open", None)


def test_the_last_run_to_finish_is_told_by_its_time(full: Engine) -> None:
    """Ids and times are in different orders where the database's clock was set back."""
    before = state_of(full).last_good_exact
    assert before
    newer = sync(full, "exact")
    assert before.finished_at
    earlier = before.finished_at - timedelta(hours=1)
    mine = update(sync_runs).where(sync_runs.c.id == newer)
    transact(full, lambda c: c.execute(mine.values(finished_at=earlier)))
    assert state_of(full).last_good_exact == before
    with reading(full) as connection:
        last = runs.last_finished(connection, ASSET, "exact", well=True)
    assert last
    assert last["id"] == before.id
