"""The binding of a form table: the form that it mirrors, the declaration that shapes its rows, the epoch.

The epoch rises whenever stored rows must be shaped anew: the declaration changed, or the form table was
missing and is made again. A ledger row keeps the epoch in which its form row was written, and is unchanged
only in that one.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select, update

from kobo_mirror.database.engine import now, reading, transact
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import failed_runs
from kobo_mirror.store.tables import form_table, forms, submissions


class Epochs(NamedTuple):
    """The epochs of a form.

    :param current: the one in which rows are written now.
    :param read: the newest one in which a run has read everything, from the first submission on.
    """

    current: int
    read: int

    @property
    def must_read_all(self) -> bool:
        """True until a run that began in the current epoch has read everything."""
        return self.read != self.current


def bound_to(engine: Engine, mirror: Mirror) -> tuple[str, str] | None:
    """Return the address of the server and the uid of the form that a form table mirrors.

    :param engine: the database.
    :param mirror: names the form table.
    :returns: None before the first sync.
    """
    query = select(forms.c.server, forms.c.asset_uid).where(forms.c.form_table == mirror.table)
    with reading(engine) as connection:
        row = connection.execute(query).one_or_none()
    return (row[0], row[1]) if row else None


def next_epoch(connection: Connection, asset_uid: str) -> int:
    """Return the epoch of a form that is bound now: 1, or one that no row of its ledger was written in.

    The ledger has rows where the form's row of ``kobo_forms`` was lost.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    t = submissions.c
    newest = connection.execute(select(func.max(t.epoch)).where(t.asset_uid == asset_uid)).scalar_one()
    return int(newest or 0) + 1


def is_bound(connection: Connection, mirror: Mirror) -> bool:
    """Return True if the tables of a form are bound to it.

    :param connection: an open transaction.
    :param mirror: the form and its tables.
    :raises SchemaError: they mirror another form.
    """
    query = select(forms.c.server, forms.c.asset_uid).where(forms.c.form_table == mirror.table)
    row = connection.execute(query).one_or_none()
    if row is not None:
        require_form(mirror, *row)
    return row is not None


def note_binding(
    engine: Engine,
    mirror: Mirror,
    *,
    may_rebind_if_empty: bool = False,
    intended: FormSchema | None = None,
) -> None:
    """Note which form the form table mirrors, unless one is noted already.

    :param engine: the database.
    :param mirror: the form and its table.
    :param may_rebind_if_empty: note it in place of another one, too, if the form table has no rows.
    :param intended: its other tables, which are made next: noted at once, so that the form is never taken for
        one that has the form table alone.
    """
    t = forms.c
    names = {"server": mirror.server, "asset_uid": mirror.asset_uid}
    values = {**names, "fingerprint": mirror.fingerprint, "bound_at": now(), "epoch_read": 0}
    mine = t.form_table == mirror.table

    def work(connection: Connection) -> None:
        bound = connection.execute(select(t.server, t.asset_uid).where(mine).with_for_update()).one_or_none()
        if bound is None:
            schema = intended.to_json().decode() if intended else None
            epoch = next_epoch(connection, mirror.asset_uid)
            first = {"form_table": mirror.table, "epoch": epoch, "intended_schema": schema}
            connection.execute(insert(forms).values(values | first))
            failed_runs.give_unbound_runs(connection, mirror.asset_uid)
        elif may_rebind_if_empty and may_be_bound_anew(connection, mirror, bound[1]):
            again = {"epoch": t.epoch + 1, "id_strings": None}
            connection.execute(update(forms).where(mine).values(values | again))

    transact(engine, work)


def may_be_bound_anew(connection: Connection, mirror: Mirror, asset_uid: str) -> bool:
    """Return True if the form table has no rows and is bound to another form.

    :param connection: an open transaction.
    :param mirror: the form that it is to mirror.
    :param asset_uid: the uid of the form that it is bound to.
    """
    if asset_uid == mirror.asset_uid:
        return False
    if mirror.form is None:
        return False
    table = form_table(mirror.form)
    return connection.execute(select(table.c.kobo_id).limit(1)).first() is None


def is_declared_otherwise(connection: Connection, form: Form) -> bool:
    """Return True if the rows of the form table are shaped by another declaration.

    :param connection: an open transaction.
    :param form: the declaration that this process has.
    """
    query = select(forms.c.fingerprint).where(forms.c.form_table == form.table)
    stored = connection.execute(query).scalar_one_or_none()
    return stored is not None and stored != form.fingerprint


def is_shaped_otherwise(connection: Connection, mirror: Mirror) -> bool:
    """Return True if the rows of a form are shaped by another declaration, or by another schema.

    :param connection: an open transaction.
    :param mirror: the form, with the tables that this process knows.
    """
    query = select(forms.c.fingerprint, forms.c.schema_fingerprint)
    row = connection.execute(query.where(forms.c.form_table == mirror.table)).one_or_none()
    return row is not None and tuple(row) != (mirror.fingerprint, mirror.schema_fingerprint)


def raise_epoch(connection: Connection, mirror: Mirror) -> None:
    """Have every row of a form written anew.

    :param connection: an open transaction.
    :param mirror: the form, with the declaration that shapes its rows from now on.
    """
    values = {"epoch": forms.c.epoch + 1, "fingerprint": mirror.fingerprint}
    connection.execute(update(forms).where(forms.c.form_table == mirror.table).values(values))


def raise_epochs(connection: Connection, form_table: str | None = None) -> None:
    """Have every row written anew, without a change of how rows are shaped.

    :param connection: an open transaction.
    :param form_table: of one form; None: of all.
    """
    rise = update(forms).values(epoch=forms.c.epoch + 1)
    connection.execute(rise if form_table is None else rise.where(forms.c.form_table == form_table))


def note_declaration(connection: Connection, form: Form) -> None:
    """Note by which declaration the rows of a declared table are shaped, if a form is bound to it.

    :param connection: an open transaction, which has raised the epoch if it is another one than before.
    :param form: the declaration.
    """
    mine = (forms.c.form_table == form.table) & (forms.c.fingerprint != form.fingerprint)
    connection.execute(update(forms).where(mine).values(fingerprint=form.fingerprint))


def epochs_of(connection: Connection, form_table: str) -> Epochs:
    """Return the epochs of a form that is bound.

    :param connection: an open transaction.
    :param form_table: the name of the form table.
    """
    query = select(forms.c.epoch, forms.c.epoch_read).where(forms.c.form_table == form_table)
    return Epochs(*connection.execute(query).one())


def note_epoch_read(connection: Connection, mirror: Mirror, epoch: int) -> None:
    """Note that a run has read every submission.

    :param connection: an open transaction.
    :param mirror: the form.
    :param epoch: the epoch in which that run began; nothing is noted if it is no longer the current one.
    """
    mine = (forms.c.form_table == mirror.table) & (forms.c.epoch == epoch)
    connection.execute(update(forms).where(mine).values(epoch_read=epoch))


class NotBoundError(SchemaError):
    """The form table mirrors no form yet: ``binding_checks.bind`` notes which one."""


class LetGoError(SchemaError):
    """The form is mirrored no longer, so that no row is written to its tables."""


def let_go_error(form_key: str) -> LetGoError:
    """Return the error of a form that is mirrored no longer.

    :param form_key: of the form.
    """
    return LetGoError(f"The form {form_key} is mirrored no longer: it was let go or dropped.")


class ReshapedError(SchemaError):
    """Rows are shaped by another schema than the one they were made for: load it, and shape them anew."""


def require_form(mirror: Mirror, server: str, asset_uid: str) -> None:
    """Refuse a form table that mirrors another form.

    :param mirror: the form that it must mirror.
    :param server: the address of the server that it mirrors.
    :param asset_uid: the uid of the form that it mirrors.
    :raises SchemaError: it is not this form of this server.
    """
    if (server, asset_uid) != mirror.identity:
        raise SchemaError(
            f"The table {mirror.table} mirrors form {asset_uid} of {server}, not {mirror.asset_uid} of "
            f"{mirror.server}: set KOBO_URL and KOBO_ASSET_ID back, or use another database."
        )


def declared_otherwise(mirror: Mirror) -> SchemaError:
    """Return the error of a process whose declaration is not the one that shapes the rows.

    :param mirror: the form, with the declaration of this process.
    """
    return SchemaError(
        f"The columns of {mirror.table} are declared otherwise than in this process: restart it with the "
        "version of Kobo Mirror that runs the sync, or migrate with this one."
    )
