"""Rows of runs that failed before they began, and of verifications that could not compare.

They stand among the other runs in ``kobo_sync_runs``, so that ``status`` and the page can show why nothing
was read or compared.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from kobo_mirror.database.engine import now
from kobo_mirror.store.runs import NOT_STARTED, VERIFY, note_error, open_run
from kobo_mirror.store.tables import sync_runs

UNBOUND = "unbound"
"""What stands for the form's uid in the row of a run that failed while no form was bound."""


def note_not_started(connection: Connection, asset_uid: str, name: str, error: Exception) -> None:
    """Note a run that failed before it began; its next attempt overwrites the row.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param name: the run's name; attempts of one run have the same.
    :param error: why it failed.
    """
    _note_failure(connection, asset_uid, name, NOT_STARTED, error)


def note_not_bound(connection: Connection, name: str, error: Exception) -> None:
    """Note a run that failed while the database mirrors no form; the next such run overwrites the row.

    :param connection: an open transaction.
    :param name: the run's name.
    :param error: why it failed.
    """
    _note_failure(connection, UNBOUND, name, NOT_STARTED, error, keep_one=True)


def note_failed_verification(connection: Connection, asset_uid: str, name: str, error: Exception) -> None:
    """Note a verification that could not compare; its next attempt overwrites the row.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param name: the run's name; attempts of one run have the same.
    :param error: why it failed.
    """
    _note_failure(connection, asset_uid, name, VERIFY, error)


def give_unbound_runs(connection: Connection, asset_uid: str) -> None:
    """Assign a run that failed while the database mirrored no form to the form that it mirrors now.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    mine = sync_runs.c.asset_uid == UNBOUND
    connection.execute(update(sync_runs).where(mine).values(asset_uid=asset_uid))


def _note_failure(
    connection: Connection, asset_uid: str, name: str, mode: str, error: Exception, *, keep_one: bool = False
) -> None:
    """Write the row of a run that failed.

    :param keep_one: overwrite the newest row of that mode, whatever its name is.
    """
    newest = select(sync_runs).where(sync_runs.c.asset_uid == asset_uid).order_by(sync_runs.c.id.desc())
    row = connection.execute(newest.limit(1)).mappings().one_or_none()
    if row is not None and row["mode"] == mode and (keep_one or row["name"] == name):
        run_id = row["id"]
        again = update(sync_runs).where(sync_runs.c.id == run_id)
        connection.execute(again.values(name=name, started_at=now()))
    else:
        run_id = open_run(connection, asset_uid, name, mode, None)
    note_error(connection, run_id, error)
