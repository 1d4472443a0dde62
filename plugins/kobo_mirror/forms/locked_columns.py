"""Locked columns: what a form's tables had that its versions alone do not bring back.

Such as a column from before ``kobo.yml`` gave its question a type, or the table of a repeat that stood
somewhere else for a while.
"""

from __future__ import annotations

from dataclasses import replace

from kobo_mirror.forms import system_columns
from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, FormSchema, Status, Table, TableKind
from kobo_mirror.forms.locked_names import Chain, ColumnKey, LockedNames
from kobo_mirror.forms.question_columns import QuestionColumns
from kobo_mirror.forms.reading import with_positions
from kobo_mirror.forms.table_growth import TableGrowth


def with_locked_columns(schema: FormSchema, names: LockedNames) -> FormSchema:
    """Return the schema with all tables and columns that are locked.

    A further column of a question goes on with what fits it, where its answers stand in that table; else it
    is empty. What no version asks any more is left out.

    :param schema: of all versions, for a form whose tables are made again.
    :param names: of its tables and columns.
    :returns: the very same schema where nothing is to be added.
    """
    if names.form != schema.form_name:
        return schema
    tables = {
        table.chain: TableGrowth(table)
        for table in schema.tables
        if table.kind not in (TableKind.DECLARED, TableKind.FILES)
    }
    born = _emptied_tables(schema, tables, names)
    columns = QuestionColumns(list(tables.values()), "", {}, names)
    added = False
    for chain, table in tables.items():
        there = {ColumnKey(c.path, c.facet, c.kind) for c in table.columns}
        of_path: dict[str, list[Column]] = {}
        for key, name in names.columns.get(chain, {}).items():
            like = (
                columns.newest(key.path)
                if key.facet != ROWS
                else Column(name=name, path=key.path, facet=ROWS, kind=key.kind)
            )
            if key not in there and not table.is_taken(name) and like is not None:
                status = Status.NARROWED if table.has(key.path) and key.facet != ROWS else Status.MOVED
                of_path.setdefault(key.path, []).append(
                    replace(
                        like, name=name, facet=key.facet, kind=key.kind, status=status,
                        names_file=like.names_file and key.facet == VALUE,
                    )
                )  # fmt: skip
        for further in of_path.values():
            table.add(further)
            added = True
    if not added and not born:
        return schema
    grown = {chain: table.grown() for chain, table in tables.items()}
    kept = [
        table if table.kind in (TableKind.DECLARED, TableKind.FILES) else grown[table.chain]
        for table in schema.tables
    ]
    return with_positions(replace(schema, tables=(*kept, *(grown[chain] for chain in born))))


def _emptied_tables(schema: FormSchema, tables: dict[Chain, TableGrowth], names: LockedNames) -> list[Chain]:
    """Add the tables of chains of repeats that the form has not, without rows."""
    born = []
    for chain in sorted(names.tables, key=len):
        above = tables.get(chain[:-1])
        if chain not in tables and above is not None and chain[-1] in schema.repeats:
            table = Table(
                name=names.tables[chain], kind=TableKind.REPEAT, path=chain[-1], chain=chain,
                columns=system_columns.repeat_columns(), parent=above.name, status=Status.MOVED,
            )  # fmt: skip
            tables[chain] = TableGrowth(table)
            born.append(chain)
    return born
