"""Form notes: what is told of a form beside its tables: its name, what is deployed, which versions wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from kobo_mirror.database.engine import now, transact
from kobo_mirror.store.bindings import NotBoundError
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.tables import forms
from kobo_mirror.submissions.document import token

_LONGEST_ERROR = 500


def note_refresh(
    engine: Engine, lease: Lease, *, name: str, deployed_version: str | None, waiting: int = 0
) -> None:
    """Note what the server has just said of a form, and that its versions are known.

    :param engine: made by ``open_engine``.
    :param lease: the right to pull the form.
    :param name: as people know it.
    :param deployed_version: the uid of the version that is deployed; None: none is.
    :param waiting: how many versions its tables do not have, since they are to be reviewed first.
    :raises NotBoundError: there is no such form.
    :raises LeaseError: another sync has the form.
    """
    values = {
        "name": name,
        "deployed_version": token(deployed_version),
        "refreshed_at": now(),
        "versions_waiting": waiting,
        "versions_error": None,
    }
    transact(engine, lambda connection: _note(connection, lease, values))


def note_unread(engine: Engine, lease: Lease, why: str) -> None:
    """Note that the versions of a form cannot be read, so that its tables may lack questions.

    :param engine: made by ``open_engine``.
    :param lease: the right to pull the form.
    :param why: a sentence for a person.
    :raises NotBoundError: there is no such form.
    :raises LeaseError: another sync has the form.
    """
    values = {"versions_error": why[:_LONGEST_ERROR]}
    transact(engine, lambda connection: _note(connection, lease, values))


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


def _note(connection: Connection, lease: Lease, values: dict[str, Any]) -> None:
    mine = forms.c.asset_uid == lease.asset_uid
    if connection.execute(select(forms.c.epoch).where(mine).with_for_update()).first() is None:
        raise NotBoundError(f"Form {lease.asset_uid} is not in kobo_forms yet: nothing was noted of it.")
    check_lease(connection, lease)
    connection.execute(update(forms).where(mine).values(values))
