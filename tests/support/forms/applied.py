"""Applied: a form's schemas as tables in a database of ours, and what is to be found there afterwards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, delete, inspect, select, text

from kobo_mirror.database.engine import reading
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.applying import Applied, NamedForm, apply_schema
from kobo_mirror.store.catalog_tables import choices, columns, tables, view_columns
from kobo_mirror.store.form_schemas import StoredForm, stored_form
from kobo_mirror.store.leases import Lease, take_lease
from kobo_mirror.store.tables import forms
from tests.support.forms.judging import UID
from tests.support.tables import created, rows_of

SURVEY = NamedForm("https://kobo.test", "Survey")
_CATALOG = (tables, columns, view_columns, choices)


class Applying:
    """A sync that applies the schemas of one form.

    :param engine: of a database with our tables.
    :param asset_uid: the form key.
    """

    def __init__(self, engine: Engine, asset_uid: str = UID) -> None:
        self.engine, self.asset_uid = engine, asset_uid
        self.lease: Lease = take_lease(engine, asset_uid, "a sync")

    def apply(self, schema: FormSchema) -> Applied:
        return apply_schema(self.engine, schema, SURVEY, self.lease)

    @property
    def stored(self) -> StoredForm | None:
        """What ``kobo_forms`` has of the form."""
        with reading(self.engine) as connection:
            return stored_form(connection, self.asset_uid)

    @property
    def schema(self) -> FormSchema | None:
        """By which its rows are shaped."""
        return self.stored.schema if self.stored else None

    @property
    def epoch(self) -> int:
        """The form's epoch."""
        assert self.stored
        return self.stored.epoch

    def names(self) -> list[str]:
        """The tables that the catalog has of the form."""
        with self.engine.connect() as connection:
            mine = tables.c.asset_uid == self.asset_uid
            return list(connection.scalars(select(tables.c.table_name).where(mine)))

    def forget(self) -> None:
        """Drop the form's tables, and all that is noted of it."""
        names = self.names()
        with self.engine.begin() as connection:
            is_file = self.engine.dialect.name == "sqlite"
            quote = connection.dialect.identifier_preparer.quote
            if not is_file:
                connection.execute(text("SET foreign_key_checks = 0"))
            views = inspect(connection).get_view_names()
            for name in names:
                kind = "VIEW" if name in views else "TABLE"
                connection.execute(text(f"DROP {kind} IF EXISTS {quote(name)}"))
            if not is_file:
                connection.execute(text("SET foreign_key_checks = 1"))
            for table in (*_CATALOG, forms):
                connection.execute(delete(table).where(table.c.asset_uid == self.asset_uid))

    def found(self) -> dict[str, Any]:
        """The form's tables as the database has them, in words that do not tell how they came to be so."""
        return {name: _described(self.engine, name) for name in sorted(self.names())}

    def catalog(self) -> list[Any]:
        """All that the catalog says."""
        return [[tuple(row.values()) for row in rows_of(self.engine, table)] for table in _CATALOG]


def _described(engine: Engine, name: str) -> Any:
    if engine.dialect.name != "sqlite":
        return created(engine, name)
    found = inspect(engine)
    with engine.connect() as connection:
        triggers = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name")
        shown = ("name", "type", "nullable", "default", "primary_key")
        return (
            [[str(dict(column)[key]) for key in shown] for column in found.get_columns(name)],
            found.get_foreign_keys(name),
            found.get_indexes(name),
            list(connection.scalars(triggers, {"name": name})),
        )
