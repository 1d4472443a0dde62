"""Postponing: what the database refuses to apply waits, and rows go on by the schema in force."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import NameTakenError, TablesRefusedError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.applied_tables import has_tables
from kobo_mirror.store.applying import NOTHING_NOTED, Applied, NamedForm, Steps, apply_schema
from kobo_mirror.store.form_schemas import StoredForm, stored_form
from kobo_mirror.store.form_tables import physical_columns
from kobo_mirror.store.leases import Lease


@dataclass(frozen=True)
class Postponed:
    """A schema that was not applied: it stays the form's intention, which the next sync tries again.

    :param sentence: what was refused, and what to do.
    """

    sentence: str


def apply_or_postpone(
    engine: Engine, schema: FormSchema, form: NamedForm, lease: Lease, steps: Steps = NOTHING_NOTED
) -> Applied | Postponed:
    """Apply a schema, or go on with the one in force where the database refuses it.

    :param engine: made by ``open_engine``.
    :param schema: as for ``apply_schema``.
    :param form: as for ``apply_schema``.
    :param lease: as for ``apply_schema``.
    :param steps: as for ``apply_schema``.
    :returns: ``Postponed`` only if the form has a schema in force and all of its tables are there.
    :raises TablesRefusedError, NameTakenError: there is nothing to go on with.
    :raises SchemaError, LeaseError, DatabaseError: as ``apply_schema``.
    """
    try:
        return apply_schema(engine, schema, form, lease, steps)
    except (TablesRefusedError, NameTakenError) as refused:
        with reading(engine) as connection:
            stored = stored_form(connection, schema.asset_uid)
            if not has_tables(connection, stored) or _is_in_force(stored, refused):
                raise
        return Postponed(str(refused))


def _is_in_force(stored: StoredForm | None, refused: Exception) -> bool:
    """Return True if a name is taken by which rows of the form are written already."""
    if not isinstance(refused, NameTakenError) or stored is None or stored.schema is None:
        return False
    return refused.table in physical_columns(stored.schema)
