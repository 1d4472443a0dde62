"""The lock on a form that every writer's transaction begins with: epoch and tables stay until it ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, select

from kobo_mirror.database.bulk import First
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import now
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.bindings import (
    NotBoundError,
    ReshapedError,
    declared_otherwise,
    let_go_error,
    require_form,
)
from kobo_mirror.store.tables import forms


class HeldForm(NamedTuple):
    """A form as a transaction sees it while it locks the form's row.

    :param epoch: the current epoch.
    :param moment: the database's clock (UTC).
    """

    epoch: int
    moment: datetime


def hold_form(connection: Connection, mirror: Mirror) -> HeldForm:
    """Lock the form's row shared, so that epoch and declaration stay until the transaction ends.

    :param connection: a writer's transaction that has locked nothing yet.
    :param mirror: the form that is written to.
    :returns: the epoch, and the database's clock.
    :raises NotBoundError: the form table mirrors no form yet.
    :raises LetGoError: the form is mirrored no longer.
    :raises ReshapedError: the form has got further tables or columns meanwhile.
    :raises SchemaError: it mirrors another form, or its rows are shaped by another declaration.
    """
    t = forms.c
    row = connection.execute(
        select(t.server, t.asset_uid, t.fingerprint, t.epoch, now(), t.schema_fingerprint, t.let_go_at)
        .where(t.form_table == mirror.table)
        .with_for_update(read=True)
    ).one_or_none()
    if row is None:
        raise NotBoundError(f"The table {mirror.table} mirrors no form yet.")
    require_form(mirror, row[0], row[1])
    if row[2] != mirror.fingerprint:
        raise declared_otherwise(mirror)
    if row[5] != mirror.schema_fingerprint:
        raise ReshapedError(
            f"The tables of form {mirror.asset_uid} have changed while it was written to: try again."
        )
    if row[6] is not None:
        raise let_go_error(mirror.asset_uid)
    return HeldForm(row[3], row[4])


def hold_first(connection: Connection, mirror: Mirror) -> First | None:
    """Return what does as ``hold_form`` does, as the first statement of a message.

    So it costs no round trip. It sets ``THE_MOMENT``, and ``THE_CELL`` to the form's epoch. The latter is
    NULL where ``hold_form`` would refuse, and no ledger row can be written with that.

    :param connection: an open transaction.
    :param mirror: the form that is written to.
    :returns: None where the dialect takes no first statement.
    """
    t = forms.c
    row: dict[Column[Any], str | bytes | None] = {
        t.form_table: mirror.table,
        t.server: mirror.server,
        t.asset_uid: mirror.asset_uid,
        t.fingerprint: mirror.fingerprint,
        t.schema_fingerprint: mirror.schema_fingerprint,
        t.let_go_at: None,
    }
    return dialect_of(connection).first_statement(t.epoch, row)
