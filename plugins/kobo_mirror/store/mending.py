"""Mending: how a person restores what was changed by hand in the tables of a form, in words and in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, ForeignKeyConstraint, Table, select

from kobo_mirror.database.ddl import moving_columns
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.sql import Identifier, Part, Sql, names
from kobo_mirror.store.catalog import VIEW
from kobo_mirror.store.catalog_tables import tables

BY_A_SYNC = "the next sync restores it"


class Mending:
    """Writes remedies for the tables of one database.

    :param connection: to it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._driver = connection.dialect
        self._dialect = dialect_of(connection)

    def without_column(self, table: str, column: str) -> str:
        """Return the statement that drops a column.

        :param table: its table's name.
        :param column: its name.
        """
        return self._shown(Sql("ALTER TABLE {} DROP COLUMN {}").format(Identifier(table), Identifier(column)))

    def renamed(self, table: str, column: str, name: str) -> str:
        """Return the statement that gives a column its name back.

        :param table: its table's name.
        :param column: what it is called now.
        :param name: what it was made as.
        """
        rename = Sql("ALTER TABLE {} RENAME COLUMN {} TO {}")
        return self._shown(rename.format(Identifier(table), Identifier(column), Identifier(name)))

    def made_again(self, column: Column[Any]) -> str:
        """Return how a column is replaced by one as it was: with the answers that KoboToolbox shows.

        :param column: as it was made.
        """
        if column.primary_key:
            return self.redeclared(column)
        drops = [self.without_column(column.table.name, column.name)]
        for moved in moving_columns(column.table):
            if (trigger := self._dialect.drop_moving_trigger(column.table, moved.name)) is not None:
                drops.insert(0, self._shown(trigger))  # it names all columns
        if self._dialect.reads_views_to_rename:  # it drops no column that a view names, either
            drops = [*self._without_views(column.table.name), *drops]
        return f"{'; '.join(drops)}; then sync, which makes it again and reads its answers"

    def _without_views(self, table: str) -> list[str]:
        """Return the statements that drop the views of a form, which the next sync makes anew."""
        of_form = select(tables.c.asset_uid).where(tables.c.table_name == table).scalar_subquery()
        mine = select(tables.c.table_name).where(tables.c.asset_uid == of_form, tables.c.kind == VIEW)
        names_of_views = self._connection.scalars(mine.order_by(tables.c.table_name)).all()
        return [
            self._shown(Sql("DROP VIEW IF EXISTS {}").format(Identifier(name))) for name in names_of_views
        ]

    def redeclared(self, column: Column[Any]) -> str:
        """Return how a column becomes as it was, with what it holds.

        :param column: as it was made.
        """
        bare = Column(
            column.name, column.type, nullable=column.nullable, server_default=column.server_default
        )
        statement = self._dialect.redeclaration(column.table, bare, self._driver)
        if statement is not None:
            return self._shown(statement)
        return self.table_made_again(column.table) if column.primary_key else self.made_again(column)

    def with_key(self, table: Table, *, instead: bool) -> str:
        """Return how a table gets its primary key.

        :param table: as it was made.
        :param instead: it has another one.
        """
        name, key = Identifier(table.name), names(column.name for column in table.primary_key)
        add = Sql("ALTER TABLE {} DROP PRIMARY KEY, ADD PRIMARY KEY ({})" if instead else _ADD_KEY)
        return self._altered(table, add.format(name, key))

    def with_reference(self, table: Table, reference: ForeignKeyConstraint) -> str:
        """Return how a table gets a foreign key.

        :param table: as it was made.
        :param reference: one of its foreign keys.
        """
        statement = Sql("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE CASCADE").format(
            Identifier(table.name),
            names(reference.column_keys),
            Identifier(reference.referred_table.name),
            names(element.column.name for element in reference.elements),
        )
        return self._altered(table, statement)

    def table_made_again(self, table: Table) -> str:
        """Return how a table is replaced by one as it was.

        :param table: as it was made.
        """
        drop = self._shown(Sql("DROP TABLE {}").format(Identifier(table.name)))
        return f"{drop}; then sync, which makes it again and reads its rows"

    def _altered(self, table: Table, statement: Part) -> str:
        return self._shown(statement) if self._dialect.alters_keys else self.table_made_again(table)

    def _shown(self, statement: Part) -> str:
        """Return a statement as a person types it, who gives no parameters beside it."""
        dialect = self._dialect
        return statement.text(dialect).replace(dialect.statement_text("%"), "%")


_ADD_KEY = "ALTER TABLE {} ADD PRIMARY KEY ({})"
