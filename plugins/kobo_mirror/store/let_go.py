"""Let go: which forms of the database are mirrored no longer, though their tables may stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Engine, Select, delete, insert, or_, select, update

from kobo_mirror.database.engine import now, reading, transact
from kobo_mirror.store.bindings import let_go_error
from kobo_mirror.store.failed_runs import UNBOUND
from kobo_mirror.store.tables import dropped_forms, forms, sync_runs

_IS_UNREAD = sync_runs.c.asset_uid.not_in(select(forms.c.asset_uid)) & (sync_runs.c.asset_uid != UNBOUND)


class DroppedForm(NamedTuple):
    """A form that was dropped with its tables.

    :param server: address of its server.
    :param form_key: by which the database had it.
    """

    server: str
    form_key: str


def let_go(connection: Connection, form_key: str) -> None:
    """Note that a form is mirrored no longer: from then on no delivery is written to its tables.

    :param connection: an open transaction.
    :param form_key: by which the database has it.
    """
    mine = (forms.c.asset_uid == form_key) & forms.c.let_go_at.is_(None)
    connection.execute(update(forms).where(mine).values(let_go_at=now()))


def note_dropped(connection: Connection, form_key: str) -> None:
    """Note that a form is dropped with its tables, which outlives its row of ``kobo_forms``.

    :param connection: an open transaction.
    :param form_key: by which the database has it; nothing is noted of one that it has not.
    """
    let_go(connection, form_key)
    server = connection.scalar(select(forms.c.server).where(forms.c.asset_uid == form_key))
    if server is not None:
        connection.execute(delete(dropped_forms).where(dropped_forms.c.form_key == form_key))
        row = {"form_key": form_key, "server": server, "dropped_at": now()}
        connection.execute(insert(dropped_forms).values(row))


def forms_dropped(connection: Connection) -> list[DroppedForm]:
    """Return the forms that were dropped with their tables, and are not there again.

    :param connection: an open transaction.
    """
    t = dropped_forms.c
    query = select(t.server, t.form_key).where(t.form_key.not_in(select(forms.c.asset_uid)))
    return [DroppedForm(*row) for row in connection.execute(query.order_by(t.form_key))]


def require_kept(connection: Connection, form_key: str) -> None:
    """Refuse a form that was let go, or dropped with its tables.

    :param connection: an open transaction.
    :param form_key: of the form; one that the database never had is no such form.
    :raises LetGoError: it is one.
    """
    t, d = forms.c, dropped_forms.c
    row = connection.execute(select(t.let_go_at).where(t.asset_uid == form_key)).one_or_none()
    if row is None:
        is_gone = connection.scalar(select(d.form_key).where(d.form_key == form_key)) is not None
    else:
        is_gone = row.let_go_at is not None
    if is_gone:
        raise let_go_error(form_key)


def require_kept_since(connection: Connection, form_key: str, chosen_at: datetime | None) -> None:
    """Refuse a form that was let go, or dropped with its tables, after it was chosen.

    :param connection: an open transaction.
    :param form_key: of the form.
    :param chosen_at: by the database's clock (UTC), before ``kobo.yml`` was read; None: nothing is refused.
    :raises LetGoError: it was.
    """
    if chosen_at is None:
        return
    t, d = forms.c, dropped_forms.c
    gone = select(t.asset_uid).where(t.asset_uid == form_key, _since(t.let_go_at, chosen_at))
    dropped = select(d.form_key).where(d.form_key == form_key, _since(d.dropped_at, chosen_at))
    if connection.execute(gone.union_all(dropped)).first() is not None:
        raise let_go_error(form_key)


def _since(column: Column[Any], chosen_at: datetime) -> ColumnElement[bool]:
    """Return what is true from the choice on; a stamp of the future is from before the clock was set back."""
    return column.between(chosen_at, now())


def note_mirrored(
    engine: Engine,
    discovered: Mapping[str, bool],
    servers: Collection[str],
    chosen_at: datetime | None = None,
) -> None:
    """Note which of the database's forms are mirrored; all others of some servers are let go.

    :param engine: made by ``open_engine``.
    :param discovered: all forms that are mirrored, by form key: True for those that ``discover`` alone finds.
    :param servers: addresses of the servers whose forms are let go.
    :param chosen_at: as for :func:`require_kept_since`: a form that was let go since is not taken back.
    """
    t = forms.c
    with reading(engine) as connection:
        rows = connection.execute(select(t.asset_uid, t.server, t.let_go_at, t.is_discovered)).all()
    for key, server, let_go_at, is_discovered in rows:
        if key not in discovered:
            if let_go_at is None and server in servers:
                transact(engine, partial(let_go, form_key=key))
        elif (let_go_at, is_discovered) != (None, discovered[key]):
            values = {"let_go_at": None, "is_discovered": discovered[key]}
            mine = update(forms).where(t.asset_uid == key).values(values)
            if chosen_at is not None:
                mine = mine.where(or_(t.let_go_at.is_(None), ~_since(t.let_go_at, chosen_at)))
            transact(engine, partial(Connection.execute, statement=mine))


def forms_unread(connection: Connection) -> set[str]:
    """Return the forms of which the database has failed runs, but no tables: none was ever read.

    :param connection: an open transaction.
    """
    return set(connection.scalars(select(sync_runs.c.asset_uid).where(_IS_UNREAD).distinct()))


def forget_unread(engine: Engine, form_key: str) -> None:
    """Delete the failed runs of a form that was never read, such as one whose uid was mistyped.

    :param engine: made by ``open_engine``.
    :param form_key: the form key; nothing is deleted of a form that has tables.
    """
    ids: Select[Any] = select(sync_runs.c.id).where(sync_runs.c.asset_uid == form_key, _IS_UNREAD)
    with reading(engine) as connection:
        found = connection.scalars(ids).all()
    for run_id in found:  # by keys, since a DELETE of many waits for what other forms hold
        one = delete(sync_runs).where(sync_runs.c.id == run_id)
        transact(engine, partial(Connection.execute, statement=one))
