"""dbt sources: tables and views of a form as ``sources.yml`` has them, with descriptions and tests.

https://docs.getdbt.com/reference/source-properties, version 2, as dbt from 1.5 to 1.12 reads it: its adapter
for MySQL is of 1.7, which knows neither ``data_tests`` nor ``arguments``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import yaml

from kobo_mirror.export.codebook import Codebook, described
from kobo_mirror.export.exported import Exported, ExportTable, Field
from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, Status, Table, TableKind
from kobo_mirror.views.columns import KEY, KOBO_ID, PARENT_KEY
from kobo_mirror.views.definitions import views_of

_JINJA = re.compile(r"\{[{%#]")
Facts = dict[str, Any]


def dbt_sources(exported: Exported, *, title: str, schema: str, views: Collection[str]) -> str:
    """Return ``sources.yml`` of a form.

    :param exported: its tables.
    :param title: what the form is called.
    :param schema: what dbt calls the place of the tables: on MySQL and MariaDB the database.
    :param views: the names of the views that the form has.
    """
    source = exported.main.name
    tables = [*_tables(exported, source), *_views(exported, source, views)]
    found = {"name": source, "description": _plain(title or source), "schema": schema, "tables": tables}
    return yaml.safe_dump({"version": 2, "sources": [found]}, allow_unicode=True, sort_keys=False, width=110)


def _tables(exported: Exported, source: str) -> Iterator[Facts]:
    root = exported.schema.root.name
    for table in exported.schema.tables:
        for part in range(1, table.parts + 1):
            name = table.part_name(part)
            columns = [_key(table, key, name == root, source, root) for key in table.keys]
            columns += [_column(column) for column in table.columns if column.part == part]
            told = {"name": name, "description": _plain(_about(table, part)), "columns": columns}
            yield {key: value for key, value in told.items() if value}


def _key(table: Table, name: str, is_root: bool, source: str, root: str) -> Facts:
    tests: list[Any] = ["not_null"]
    if name == KOBO_ID and not table.chain and table.kind is not TableKind.FILES:
        tests.append("unique")
    if name == KOBO_ID and not is_root:
        tests.append(_reference(source, root, KOBO_ID))
    return {"name": name, "description": _plain(described(name) or ""), "tests": tests}


def _column(column: Column) -> Facts:
    label = next(iter(column.labels.values()), "") if column.facet in (VALUE, ROWS) else ""
    about = [label or described(column.facet) or "", f"({column.path})" if column.path else ""]
    if column.status is not Status.ACTIVE:
        about.append(f"[{column.status.value}]")
    return {"name": column.name, "description": _plain(" ".join(filter(None, about)))}


def _views(exported: Exported, source: str, there: Collection[str]) -> Iterator[Facts]:
    """Yield the views with all columns of a table, which have one column as their key."""
    full: dict[str, str] = {}
    for view in views_of(exported.schema) if exported.further else ():
        full.setdefault(view.table, view.name)  # the first one of a table is that
    full = {table: name for table, name in full.items() if name in there}
    book = Codebook(exported)
    for table in exported.rows:
        if name := full.get(table.name):
            columns = [_field(field, table, book, source, full) for field in table.fields]
            yield {"name": name, "description": _plain(f"{table.name}, all columns"), "columns": columns}


def _field(field: Field, table: ExportTable, book: Codebook, source: str, full: dict[str, str]) -> Facts:
    meaning = book.meaning(field)
    told: Facts = {"name": field.name, "description": _plain(meaning.label or meaning.description or "")}
    if field.facet == field.name == KEY:
        told["tests"] = ["unique", "not_null"]
    if field.facet == field.name == PARENT_KEY and table.parent in full:
        told["tests"] = ["not_null", _reference(source, full[table.parent], KEY)]
    return told


def _reference(source: str, table: str, field: str) -> Facts:
    return {"relationships": {"to": f"source('{source}', '{table}')", "field": field}}


def _about(table: Table, part: int) -> str:
    label = next(iter(table.labels.values()), "")
    words = [label, f"({table.path})" if table.path else "", "further columns" if part > 1 else ""]
    kinds = {
        TableKind.DECLARED: "one row a submission",
        TableKind.MAIN: "one row a submission",
        TableKind.REST: "one row a submission, what the declared table has not",
        TableKind.REPEAT: "one row a repetition",
        TableKind.FILES: "one row a file",
    }
    return ": ".join(filter(None, (" ".join(filter(None, words)), kinds[table.kind])))


def _plain(text: str) -> str:
    """Return a text that dbt, which reads descriptions as templates, shows as it is."""
    return _JINJA.sub(lambda found: "{{ '" + found[0] + "' }}", text)
