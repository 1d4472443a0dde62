"""Form schemas: the schema by which a form's rows are shaped, and the one that is being applied."""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select

from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.form_tables import physical_columns
from kobo_mirror.store.tables import forms


@dataclass(frozen=True)
class StoredForm:
    """What ``kobo_forms`` has of a form.

    :param table: its declared table or its root.
    :param schema: by which rows are shaped; None: no table of it was ever made.
    :param intended: which is being applied; None: none.
    :param waiting: paths whose answers may still be in ``extra``.
    :param deployed: the uid of the version that was deployed when the versions were read last.
    """

    table: str
    server: str
    epoch: int
    schema: FormSchema | None
    intended: FormSchema | None
    waiting: frozenset[str]
    deployed: str | None = None

    @property
    def newest(self) -> FormSchema | None:
        """What a further version grows."""
        return self.intended or self.schema


def stored_form(connection: Connection, asset_uid: str, *, exclusively: bool = False) -> StoredForm | None:
    """Return what is stored of a form.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param exclusively: lock its row until the transaction ends; to be the first that the transaction locks.
    :returns: None: there is no such form.
    :raises SchemaError: its schema cannot be read.
    """
    t = forms.c
    query = select(
        t.form_table,
        t.server,
        t.epoch,
        t.schema,
        t.schema_fingerprint,
        t.intended_schema,
        t.paths_to_promote,
        t.deployed_version,
    ).where(t.asset_uid == asset_uid)
    row = connection.execute(query.with_for_update() if exclusively else query).one_or_none()
    if row is None:
        return None
    schema = applied_schema(asset_uid, row.schema, row.schema_fingerprint)
    intended = read_schema(asset_uid, row.intended_schema)
    waiting = frozenset(json.loads(row.paths_to_promote or "[]"))
    return StoredForm(row.form_table, row.server, row.epoch, schema, intended, waiting, row.deployed_version)


def derived_names(connection: Connection, asset_uid: str | None = None) -> list[str]:
    """Return the names of the derived tables of forms, their parts included.

    :param connection: an open transaction.
    :param asset_uid: the key of the form that is meant; None: all forms.
    :raises SchemaError: a schema cannot be read.
    """
    query = select(forms.c.asset_uid, forms.c.schema).where(forms.c.schema.is_not(None))
    rows = connection.execute(query if asset_uid is None else query.where(forms.c.asset_uid == asset_uid))
    schemas = [schema for row in rows if (schema := read_schema(row.asset_uid, row.schema))]
    return [name for schema in schemas for name in physical_columns(schema)]


def applied_schema(asset_uid: str, raw: str | None, fingerprint: bytes | None) -> FormSchema | None:
    """Read the schema by which the rows of a form are shaped.

    :param asset_uid: the form key.
    :param raw: JSON as ``kobo_forms`` has it, or None.
    :param fingerprint: which ``kobo_forms`` has beside it, by which every writer knows the schema again.
    :returns: None for None.
    :raises SchemaError: it cannot be read, or is not the one that has this fingerprint, or rows are shaped by
        a later version of this project.
    """
    schema = read_schema(asset_uid, raw)
    if (schema.fingerprint if schema else None) != fingerprint:
        raise SchemaError(
            f"The schema of form {asset_uid} in kobo_forms is not the one that its tables were made by: it "
            "was changed by hand; restore the row from a backup."
        )
    if schema and schema.is_of_newer_reading:
        raise SchemaError(
            f"A newer version of Kobo Mirror fills the tables of form {asset_uid}, and reads answers in "
            "another way: use that version here, too."
        )
    return schema


def read_schema(asset_uid: str, raw: str | None) -> FormSchema | None:
    """Read a schema as ``kobo_forms`` has it.

    :param asset_uid: the form key.
    :param raw: JSON, or None.
    :returns: None for None.
    :raises SchemaError: it cannot be read.
    """
    try:
        return FormSchema.from_json(raw) if raw else None
    except msgspec.DecodeError:
        raise SchemaError(
            f"The schema of form {asset_uid} in kobo_forms cannot be read: it was written by another version "
            "of Kobo Mirror, or changed by hand; use that version, or restore the row."
        ) from None
