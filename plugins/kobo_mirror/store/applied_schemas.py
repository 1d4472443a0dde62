"""The schema in force as a transaction finds it: the form's row and the lease locked, the paths that wait."""

from __future__ import annotations

import json
from typing import NamedTuple

from sqlalchemy import Connection, select

from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.bindings import NotBoundError
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.tables import forms


class AppliedSchema(NamedTuple):
    """What a transaction finds of a form while it locks the form's row.

    :param epoch: the current epoch.
    :param waiting: paths whose answers may still be in ``extra``.
    """

    epoch: int
    waiting: frozenset[str]


def waiting_paths(connection: Connection, asset_uid: str) -> frozenset[str]:
    """Return the paths of a form whose answers may still be in ``extra``.

    :param connection: an open transaction; nothing is locked.
    :param asset_uid: the form key.
    """
    query = select(forms.c.paths_to_promote).where(forms.c.asset_uid == asset_uid)
    return _paths_in(connection.execute(query).scalar_one_or_none())


def may_be_unfinished(connection: Connection, asset_uid: str) -> bool:
    """Return True if parts of a form may lack rows, or answers may wait: until all is promoted, or read anew.

    :param connection: an open transaction; nothing is locked.
    :param asset_uid: the form key.
    """
    t = forms.c
    query = select(t.epoch, t.epoch_read, t.paths_to_promote).where(t.asset_uid == asset_uid)
    row = connection.execute(query).one_or_none()
    return row is not None and (row[0] != row[1] or bool(_paths_in(row[2])))


def hold_schema(
    connection: Connection, schema: FormSchema, lease: Lease, *, exclusively: bool = False
) -> AppliedSchema:
    """Lock the form's row, and after it the lease, so that rows are shaped by this schema until the end.

    :param connection: a transaction that has locked nothing yet.
    :param schema: the form's, as it was applied.
    :param lease: the right to pull the form.
    :param exclusively: no other writer is at the form until the transaction ends.
    :returns: what the row says.
    :raises NotBoundError: there is no such form.
    :raises SchemaError: another schema is in force.
    :raises LeaseError: another sync has the form.
    """
    t = forms.c
    query = select(t.schema_fingerprint, t.epoch, t.paths_to_promote).where(t.asset_uid == schema.asset_uid)
    row = connection.execute(query.with_for_update(read=not exclusively)).one_or_none()
    if row is None:
        raise NotBoundError(
            f"Form {schema.asset_uid} was taken out of kobo_forms meanwhile: start the sync again."
        )
    check_lease(connection, lease)
    if row[0] != schema.fingerprint:
        raise SchemaError(
            f"The tables of form {schema.asset_uid} were changed meanwhile: start the sync again."
        )
    return AppliedSchema(row[1], _paths_in(row[2]))


def _paths_in(text: str | None) -> frozenset[str]:
    return frozenset(json.loads(text or "[]"))
