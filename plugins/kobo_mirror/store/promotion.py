"""Promotion: submissions whose answers wait in ``extra`` are asked for again, once these have columns.

It ends the application of a schema. A process that is killed leaves the paths that wait, and the next one
begins again: what was asked for by then is asked for again, or is no longer found.
"""

from __future__ import annotations

from array import array
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, Engine, update

from kobo_mirror.database.engine import read, transact
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store import totals
from kobo_mirror.store.applied_schemas import hold_schema, may_be_unfinished, waiting_paths
from kobo_mirror.store.back_fill import back_fill
from kobo_mirror.store.invalidating import invalidate
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.tables import forms
from kobo_mirror.store.waiting_submissions import waiting_submissions
from kobo_mirror.submissions.waiting_answers import WaitingAnswers

REASON = "its answers have columns now"
_FEW, _PERCENT = 10, 5  # submissions that are asked for one by one; of more, the whole form is read
_BATCH = 500


class Promoted(NamedTuple):
    """What was done about the answers that waited.

    :param submissions: how many were put in the refetch queue.
    :param epoch_rose: every submission is to be shaped anew.
    """

    submissions: int
    epoch_rose: bool


def finish_growth(engine: Engine, schema: FormSchema, lease: Lease) -> Promoted:
    """Do all that is left to do after a schema was applied, by this process or an earlier one.

    Where nothing can be left, that is one small query. What was born by a flip has its rows before the paths
    that wait are cleared, or is read anew with all else.

    :param engine: made by ``open_engine``.
    :param schema: the form's, as it was applied.
    :param lease: the right to pull the form.
    :returns: what was done about answers that waited.
    :raises LeaseError, SchemaError, DatabaseError: as :func:`promote`.
    """
    if not read(engine, partial(may_be_unfinished, asset_uid=schema.asset_uid)):
        return Promoted(0, epoch_rose=False)
    back_fill(engine, schema, lease)
    return promote(engine, schema, lease)


def promote(engine: Engine, schema: FormSchema, lease: Lease) -> Promoted:
    """Ask again for the submissions whose answers wait, or for all where these are many. Safe to repeat.

    What is remembered of them meanwhile is their ids, of 5 % of the form at most.

    :param engine: made by ``open_engine``.
    :param schema: the form's, as it was applied.
    :param lease: the right to pull the form.
    :returns: what was done: nothing, where no path waits.
    :raises LeaseError: another sync has the form.
    :raises SchemaError: another schema was applied meanwhile.
    :raises DatabaseError: the database cannot take it now; the next call goes on.
    """
    waiting = read(engine, partial(waiting_paths, asset_uid=schema.asset_uid))
    if not waiting:
        return Promoted(0, epoch_rose=False)
    most = max(_FEW, _present(engine, schema.asset_uid) * _PERCENT // 100)
    found = array("q")
    for kobo_id in waiting_submissions(engine, schema, WaitingAnswers(waiting, schema.repeats)):
        found.append(kobo_id)
        if len(found) > most:
            transact(engine, partial(_raise_epoch, schema=schema, lease=lease))
            return Promoted(0, epoch_rose=True)
    for first in range(0, len(found), _BATCH):
        batch = found[first : first + _BATCH].tolist()
        transact(engine, partial(invalidate, schema=schema, lease=lease, ids=batch, reason=REASON))
    transact(engine, partial(_clear, schema=schema, lease=lease, done=waiting))
    return Promoted(len(found), epoch_rose=False)


def _present(engine: Engine, asset_uid: str) -> int:
    return int(read(engine, lambda connection: connection.scalar(totals.present_query(asset_uid))) or 0)


def _raise_epoch(connection: Connection, schema: FormSchema, lease: Lease) -> None:
    """Have every submission shaped anew, so that nothing waits any more."""
    held = hold_schema(connection, schema, lease, exclusively=True)
    mine = update(forms).where(forms.c.asset_uid == schema.asset_uid)
    connection.execute(mine.values(epoch=held.epoch + 1, paths_to_promote=None))


def _clear(connection: Connection, schema: FormSchema, lease: Lease, done: frozenset[str]) -> None:
    """Note that no path waits, unless there are others than those that were looked for."""
    held = hold_schema(connection, schema, lease, exclusively=True)
    if held.waiting == done:
        mine = update(forms).where(forms.c.asset_uid == schema.asset_uid)
        connection.execute(mine.values(paths_to_promote=None))
