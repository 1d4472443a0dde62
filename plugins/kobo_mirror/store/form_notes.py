"""Form notes: what is told of a form beside its tables: its name, what is deployed, which versions wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, select, update

from kobo_mirror.config.schedules import NO_SCHEDULES, Schedules
from kobo_mirror.database.engine import now, transact
from kobo_mirror.forms.plan import Plan
from kobo_mirror.store.bindings import NotBoundError
from kobo_mirror.store.form_schemas import StoredForm, stored_form
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.let_go import require_kept_since
from kobo_mirror.store.plans import StoredPlan, close_open, note_open
from kobo_mirror.store.tables import forms
from kobo_mirror.submissions.document import token

_LONGEST_ERROR = 500


class Told(NamedTuple):
    """What a sync has learnt of a form before it reads its submissions.

    :param name: as people know it.
    :param deployed_version: the uid of the version that is deployed; None: none is.
    :param unread: why the versions cannot be read, so that tables may lack questions; None: they were read.
    :param refused: why the database did not take a change of the tables; None: it took what there was.
    :param altered: which columns were changed by hand so that they may hold other values than are written,
        and what mends them; None: none.
    :param schedules: when Airflow reads it.
    """

    name: str
    deployed_version: str | None
    unread: str | None = None
    refused: str | None = None
    altered: str | None = None
    schedules: Schedules = NO_SCHEDULES


class Waiting(NamedTuple):
    """A plan that is not applied.

    :param policy: as ``StoredPlan`` has it.
    :param made_from: as ``StoredPlan`` has it.
    """

    plan: Plan
    policy: str
    made_from: bytes | None


def note_refresh(
    engine: Engine, lease: Lease, told: Told, waiting: Waiting | None, chosen_at: datetime | None = None
) -> None:
    """Note what the server has just said of a form, which a sync mirrors, and which plan waits.

    :param engine: made by ``open_engine``.
    :param lease: the right to pull the form.
    :param told: what was learnt.
    :param waiting: the plan that waits; None: none does, and earlier ones are closed.
    :param chosen_at: when the form was chosen, as for ``require_kept_since``.
    :raises NotBoundError: there is no such form.
    :raises LeaseError: another sync has the form.
    :raises LetGoError: the form was let go after it was chosen.
    """
    values: dict[str, Any] = {
        "versions_error": _cut(told.unread),
        "tables_error": _cut(told.refused),
        "tables_altered": _cut(told.altered),
        "round_schedule": told.schedules.rounds or None,
        "own_schedule": told.schedules.own or None,
        "let_go_at": None,
    }
    if told.unread is None:
        values |= {
            "name": told.name,
            "deployed_version": token(told.deployed_version),
            "refreshed_at": now(),
        }

    def work(connection: Connection) -> None:
        _lock(connection, lease.asset_uid)
        require_kept_since(connection, lease.asset_uid, chosen_at)
        check_lease(connection, lease)
        mine = forms.c.asset_uid == lease.asset_uid
        connection.execute(update(forms).where(mine).values(values))
        if waiting is None:
            close_open(connection, lease.asset_uid)
        else:
            note_open(connection, lease.asset_uid, *waiting)

    transact(engine, work)


def note_waiting(engine: Engine, stored: StoredForm, asset_uid: str, waiting: Waiting) -> StoredPlan | None:
    """Note a plan that waits outside of a sync, and return it with its code.

    :param engine: made by ``open_engine``.
    :param stored: what ``kobo_forms`` had of the form when the plan was derived.
    :param asset_uid: the form key.
    :param waiting: the plan.
    :returns: the plan that waits; None: a sync has changed the tables meanwhile, so it is out of date.
    :raises NotBoundError: there is no such form.
    """

    def work(connection: Connection) -> StoredPlan | None:
        _lock(connection, asset_uid)
        found = stored_form(connection, asset_uid)
        if found is None or (found.schema, found.intended) != (stored.schema, stored.intended):
            return None
        return note_open(connection, asset_uid, *waiting)

    return transact(engine, work)


def _cut(text: str | None) -> str | None:
    return text[:_LONGEST_ERROR] if text else None


def tables_error(connection: Connection, asset_uid: str) -> str | None:
    """Return why the database refused a change of a form's tables in the last sync, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    return connection.scalar(select(forms.c.tables_error).where(forms.c.asset_uid == asset_uid))


def files_swept_at(connection: Connection, asset_uid: str) -> datetime | None:
    """Return when the files of a form were last compared with the server's, by the database's clock (UTC).

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :returns: None if they never were.
    """
    return connection.scalar(select(forms.c.files_swept_at).where(forms.c.asset_uid == asset_uid))


def note_files_swept(connection: Connection, asset_uid: str, at: datetime) -> None:
    """Note that the files of a form are those that the server showed then, or has shown since.

    :param connection: a transaction; it locks the form's row, before the lease where it takes both.
    :param asset_uid: the form's uid.
    :param at: before the first of them was asked for, by the database's clock (UTC).
    """
    connection.execute(update(forms).where(forms.c.asset_uid == asset_uid).values(files_swept_at=at))


def _lock(connection: Connection, asset_uid: str) -> None:
    query = select(forms.c.epoch).where(forms.c.asset_uid == asset_uid)
    if connection.execute(query.with_for_update()).first() is None:
        raise NotBoundError(f"Form {asset_uid} is not in kobo_forms yet: nothing was noted of it.")
