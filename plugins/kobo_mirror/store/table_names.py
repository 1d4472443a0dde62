"""Names: which tables and columns a form may take in a database that others use, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kobo_mirror.database.dialects.base_tables import StoredTable
from kobo_mirror.errors import NameTakenError
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.forms.naming import fold
from kobo_mirror.store.form_schemas import StoredForm
from kobo_mirror.store.form_tables import physical_columns


def check_free(
    schema: FormSchema,
    stored: StoredForm | None,
    claimed: Mapping[str, str],
    there: Mapping[str, StoredTable],
) -> None:
    """Refuse a schema that wants a table or column whose name is taken.

    :param schema: of the form.
    :param stored: what ``kobo_forms`` has of it: its tables are its own, whatever the catalog has.
    :param claimed: the form key of each table in the catalog.
    :param there: the tables and views in the database.
    :raises NameTakenError: a table, view or column has such a name and is not of this form.
    """
    in_force = physical_columns(stored.schema) if stored and stored.schema else {}
    check_names(schema, {**dict.fromkeys(in_force, schema.asset_uid), **claimed}, there)
    ours = (stored.schema, stored.intended) if stored else ()
    check_columns(schema, [one for one in ours if one is not None], there)


def check_names(schema: FormSchema, claimed: Mapping[str, str], there: Mapping[str, StoredTable]) -> None:
    """Refuse names that are taken, in any spelling that some database holds for the same.

    A table is ours only if the catalog has it.

    :param schema: of the form.
    :param claimed: the form key of each table in the catalog.
    :param there: the tables and views in the database.
    :raises NameTakenError: a table or view has such a name and is not of this form.
    """
    key = schema.asset_uid
    mine = {name for name, owner in claimed.items() if owner == key}
    others = {fold(name): name for name in (*there, *claimed) if name not in mine}
    derived = physical_columns(schema)
    for table in schema.tables:
        if table.kind is TableKind.DECLARED and (owner := claimed.get(table.name, key)) != key:
            raise taken_error(key, table.name, table.name, owner)
        for name in (table.part_name(part) for part in range(1, table.parts + 1)):
            other = others.get(fold(name)) if name not in mine else None
            is_another = name in mine and name in there and not _can_be_ours(table.keys, there[name])
            if name in derived and (other or is_another):
                raise taken_error(key, name, other or name, claimed.get(other or ""))


def check_columns(
    schema: FormSchema, before: Collection[FormSchema], there: Mapping[str, StoredTable]
) -> None:
    """Refuse names of columns to be made that a column of others has, which would pass for answers.

    :param schema: of the form.
    :param before: the schemas whose columns are ours: the one in force, and the one that is being applied.
    :param there: the tables and views in the database.
    :raises NameTakenError: a column has such a name, in any spelling, and is not of this form.
    """
    ours = [physical_columns(one) for one in before]
    for table, columns in physical_columns(schema).items():
        mine = {name for one in ours for name in one.get(table, ())}
        stored = there[table].columns if mine and table in there else ()
        others = {fold(name): name for name in stored if name not in mine}
        for name in columns:
            is_there = name in mine and name in stored
            if not is_there and (other := others.get(fold(name))):
                raise NameTakenError(
                    f"Form {schema.asset_uid} cannot have the column {table}.{name}: {table}.{other} is in "
                    "the database and is none of ours; rename or drop that one."
                )


def _can_be_ours(keys: Collection[str], stored: StoredTable) -> bool:
    """Return False if another program made a table or view after its name was claimed."""
    return not stored.is_view and stored.columns.keys() >= {*keys}


def taken_error(key: str, name: str, other: str, owner: str | None, what: str = "table") -> NameTakenError:
    """Return the error for a name that a form cannot have.

    :param key: the form key.
    :param name: the name.
    :param other: what is there, in whatever spelling.
    :param owner: the form key of the form that has it; None: none of ours has.
    :param what: it is to be the name of, a table or a view.
    """
    whose = f"is of form {owner}" if owner else "is none of ours"
    return NameTakenError(
        f"Form {key} cannot have the {what} {name}: {other} is in the database and {whose}; rename or drop "
        "that one, or use another database.",
        name,
    )
