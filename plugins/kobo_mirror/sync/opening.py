"""Open a run, or resume the one that never finished; open the lanes that it reads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, RowMapping

from kobo_mirror.database.engine import read, transact
from kobo_mirror.kobo.history import end_of_history
from kobo_mirror.store import runs
from kobo_mirror.store.lanes import open_lanes
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.mode_names import EXACT, INCREMENTAL
from kobo_mirror.store.totals import counted_by_server
from kobo_mirror.sync.lanes import cut_lanes
from kobo_mirror.sync.look_back import note_history
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.run_mode import Exactness, FormView, choose_mode, epochs_now
from kobo_mirror.sync.source import Source


def open_or_resume(
    source: Source,
    lease: Lease,
    view: FormView,
    exactness: Exactness,
    *,
    asked_for: str,
    since: int | None,
) -> RunHandle:
    """Open a run in the mode that fits, or resume the one that never finished.

    A run is resumed only in the epoch in which it began, and never where ``since`` is given: its lanes may
    leave out what is asked for. One that is resumed is exact if it was, or would be opened so now.

    :param source: what the sync works with.
    :param lease: the form's lease; its holder becomes the run's name.
    :param view: what the token sees of the form now.
    :param exactness: how often a run is exact by itself.
    :param asked_for: the mode that a person or a schedule asks for: ``auto``, ``incremental``, ``exact``.
    :param since: read everything above this ``_id`` again; None where that is not asked for.
    :returns: the run's handle, with the mode that was chosen.
    """
    engine, client, asset, run = source.engine, source.client, lease.asset_uid, lease.holder
    epochs = epochs_now(engine, source.mirror)
    mode, watermark = choose_mode(
        engine, client, epochs, exactness, count=view.submissions, mode=asked_for, since=since
    )

    def work(connection: Connection) -> tuple[RowMapping, bool]:
        old = None if since is not None else runs.unfinished_run(connection, asset)
        if old is None or old["epoch"] != epochs.current:
            run_id = runs.open_run(
                connection, asset, run, mode, watermark, epoch=epochs.current, sees_part=view.is_part
            )
            return runs.run_row(connection, run_id), False
        stricter = EXACT if EXACT in (mode, old["mode"]) else INCREMENTAL
        runs.resume_run(connection, asset, old["id"], run, stricter, sees_part=view.is_part)
        return runs.run_row(connection, old["id"]), True

    row, is_resumed = transact(engine, work)
    return RunHandle(run, row["id"], lease.fencing_token, row["mode"], is_resumed)


def open_lanes_and_note_history(source: Source, run_id: int, start: int, lanes: int) -> None:
    """Open the lanes of a run, and note where the history ends before any of them is read.

    What changes while they are read has its entry behind that place, in a first load too.

    :param source: what the sync works with.
    :param run_id: the run's id.
    :param start: all above this ``_id`` is to be read.
    :param lanes: how many lanes at most.
    """
    asset = source.mirror.asset_uid
    total = None if start else read(source.engine, lambda found: counted_by_server(found, asset))
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="history") as beside:
        history = beside.submit(end_of_history, source.client)
        bounds = cut_lanes(source.client, start, lanes, total)
        end = history.result()

    def work(connection: Connection) -> None:
        note_history(connection, run_id, end)
        open_lanes(connection, asset, run_id, bounds)

    transact(source.engine, work)
