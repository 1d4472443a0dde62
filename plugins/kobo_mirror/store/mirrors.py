"""Mirrors: which form the database mirrors, and the tables that it has, as other processes left them."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, select

from kobo_mirror.database.engine import read
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.mirror import Mirror, uid_of
from kobo_mirror.store.form_schemas import applied_schema
from kobo_mirror.store.tables import forms


def load_mirror(engine: Engine, server: str, asset_uid: str, *, among_others: bool = False) -> Mirror:
    """Return a form with the tables that it has now.

    :param engine: made by ``open_engine``.
    :param server: address of the KoboToolbox server, as ``config.server_url`` spells it.
    :param asset_uid: the form key, or the form's uid.
    :param among_others: the form may be a further one of a database that mirrors others.
    :returns: a mirror without tables before the form's first sync.
    :raises SchemaError: the database mirrors another form, or our tables are not there, or the form's schema
        was changed by hand.
    :raises DatabaseError: the database cannot be asked.
    """
    return read(
        engine, lambda connection: find_mirror(connection, server, asset_uid, among_others=among_others)
    )


def find_mirror(connection: Connection, server: str, asset_uid: str, *, among_others: bool = False) -> Mirror:
    """Return what :func:`load_mirror` does; a form whose first tables are being made has none.

    Nor has one whose rows an earlier version of this project has shaped: until a sync has taken the tables
    over, nothing can be written to them, and what is delivered is asked for by that sync.

    :param connection: an open transaction.
    :param server: address of the KoboToolbox server, as ``config.server_url`` spells it.
    :param asset_uid: the form key, or the form's uid.
    :param among_others: as for :func:`load_mirror`.
    :raises SchemaError: the database mirrors another form, or the form of this uid of another server.
    """
    t = forms.c
    rows = connection.execute(select(t.form_table, t.server, t.asset_uid)).all()
    for row in rows:
        if row.server == server and asset_uid in (row.asset_uid, uid_of(row.asset_uid)):
            return find_bound(connection, row.asset_uid) or Mirror(None, server, row.asset_uid)
    for row in rows:
        if not among_others or row.asset_uid == asset_uid:
            raise mirrors_another(row.form_table, row.asset_uid, row.server, asset_uid, server)
    return Mirror(None, server, asset_uid)


def find_bound(connection: Connection, form_key: str) -> Mirror | None:
    """Return a form that the database mirrors, with the tables that :func:`find_mirror` gives it.

    :param connection: an open transaction.
    :param form_key: the form key.
    :returns: None: the database does not mirror it.
    :raises SchemaError: the form's schema was changed by hand.
    """
    t = forms.c
    is_begun = t.intended_schema.is_not(None).label("is_begun")
    query = select(t.form_table, t.server, t.schema, t.schema_fingerprint, is_begun)
    row = connection.execute(query.where(t.asset_uid == form_key)).one_or_none()
    if row is None:
        return None
    schema = applied_schema(form_key, row.schema, row.schema_fingerprint)
    if row.is_begun if schema is None else schema.is_of_older_reading:
        return Mirror(None, row.server, form_key)
    return Mirror(FORM if row.form_table == FORM.table else None, row.server, form_key, schema)


def bound_mirrors(engine: Engine) -> list[Mirror]:
    """Return the forms that the database mirrors, with the tables that they have now.

    :param engine: made by ``open_engine``.
    """

    def find(connection: Connection) -> list[Mirror]:
        rows = connection.execute(select(forms.c.server, forms.c.asset_uid))
        return [find_mirror(connection, *row) for row in rows.all()]

    return read(engine, find)


def mirrors_another(
    table: str, asset_uid: str, server: str, wanted_uid: str, wanted_server: str
) -> SchemaError:
    """Return the error of a database that mirrors another form than the settings name.

    :param table: the name of that form's table.
    :param asset_uid: that form's uid.
    :param server: the address of its server.
    :param wanted_uid: the uid that the settings name.
    :param wanted_server: the address that they name.
    """
    return SchemaError(
        f"The table {table} mirrors form {asset_uid} of {server}, not {wanted_uid} of {wanted_server}: set "
        "KOBO_URL and KOBO_ASSET_ID back, or use another database."
    )
