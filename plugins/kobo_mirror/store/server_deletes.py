"""What the mirrors of a server's other forms hold and have lost lately, for the delete guard."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from kobo_mirror.database.engine import moment_of
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.ledger import deleted_since
from kobo_mirror.store.tables import forms, tallies


class OtherForms(NamedTuple):
    """The other forms of a server that this database mirrors.

    :param submissions: that exist in their mirrors.
    :param deleted: lately, without those that a person has confirmed.
    """

    submissions: int
    deleted: int


def of_other_forms(connection: Connection, mirror: Mirror, lifetime: timedelta) -> OtherForms:
    """Return what the other forms of a form's server hold and have lost lately.

    The totals say which forms have lost any: of those alone is the ledger read.

    :param connection: an open transaction.
    :param mirror: the form.
    :param lifetime: how far back, by the database's clock.
    """
    t, f = tallies.c, forms.c
    others = select(f.asset_uid).where(f.server == mirror.server, f.asset_uid != mirror.asset_uid)
    held = select(func.coalesce(func.sum(t.applied + t.rejected), 0)).where(t.asset_uid.in_(others))
    first_day = (moment_of(connection) - lifetime).date()
    lost = select(t.asset_uid).where(t.asset_uid.in_(others), t.day >= first_day, t.deleted > 0).distinct()
    uids = connection.scalars(lost).all()
    deleted = sum(deleted_since(connection, uid, lifetime) for uid in uids)
    return OtherForms(int(connection.scalar(held) or 0), deleted)
