"""Form notes: what people and programs are told of a form beside its tables: its name, what is deployed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, update

from kobo_mirror.database.engine import now, transact
from kobo_mirror.store.bindings import NotBoundError
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.tables import forms
from kobo_mirror.submissions.document import token


class FormNotes(NamedTuple):
    """What is noted of a form.

    :param name: as people know it.
    :param deployed_version: the uid of the version that is deployed.
    :param refreshed_at: when the server was last asked for the form's versions (UTC).
    """

    name: str | None
    deployed_version: str | None
    refreshed_at: datetime | None


def form_notes(connection: Connection, asset_uid: str) -> FormNotes | None:
    """Return what is noted of a form.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :returns: None: there is no such form.
    """
    query = select(*(forms.c[name] for name in FormNotes._fields)).where(forms.c.asset_uid == asset_uid)
    row = connection.execute(query).one_or_none()
    return FormNotes(*row) if row else None


def note_refresh(engine: Engine, lease: Lease, *, name: str, deployed_version: str | None) -> None:
    """Note what the server has just said of a form.

    :param engine: made by ``open_engine``.
    :param lease: the right to pull the form.
    :param name: as people know it.
    :param deployed_version: the uid of the version that is deployed; None: none is.
    :raises NotBoundError: there is no such form.
    :raises LeaseError: another sync has the form.
    """
    mine = forms.c.asset_uid == lease.asset_uid
    values = {"name": name, "deployed_version": token(deployed_version), "refreshed_at": now()}

    def work(connection: Connection) -> None:
        if connection.execute(select(forms.c.epoch).where(mine).with_for_update()).first() is None:
            raise NotBoundError(f"Form {lease.asset_uid} is not in kobo_forms yet: nothing was noted of it.")
        check_lease(connection, lease)
        connection.execute(update(forms).where(mine).values(values))

    transact(engine, work)
