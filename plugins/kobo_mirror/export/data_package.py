"""Data package: the codebook as Frictionless has it, with types, choices and references between tables.

https://specs.frictionlessdata.io, version 1: a tabular data package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from kobo_mirror.export import codebook
from kobo_mirror.export.codebook import Codebook
from kobo_mirror.export.exported import Exported, ExportTable, Field
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.views.columns import KEY, KOBO_ID, PARENT_KEY

FILE = "datapackage.json"
_TYPES = {Kind.INTEGER: "integer", Kind.DECIMAL: "number", Kind.DATE: "date", Kind.TIME: "time"}
_TYPES |= {Kind.DATETIME: "datetime", Kind.BOOLEAN: "boolean"}
_FORMATS = {Kind.TIME: "any", Kind.DATETIME: "any"}  # as many digits of a fraction as are needed
_NAME = re.compile(r"[a-z0-9._-]+")
Facts = dict[str, Any]


def data_package(
    exported: Exported,
    *,
    title: str,
    moment: datetime,
    labelled: bool = False,
    tables: Sequence[str] | None = None,
    with_codebook: bool = False,
) -> Facts:
    """Return the descriptor of a data package whose CSV files are an export.

    :param exported: its tables.
    :param title: what the form is called.
    :param moment: when the database was as the export shows it (UTC).
    :param labelled: the files have labels in place of names.
    :param tables: the names of those that it has; None: all.
    :param with_codebook: the codebook is one of its files.
    """
    book = Codebook(exported)
    there = [table for table in exported.tables if tables is None or table.name in tables]
    names = {table.name: _name(table.name, number) for number, table in enumerate(there, 1)}
    resources = [_resource(table, book, names, labelled=labelled) for table in there]
    if with_codebook:
        fields = [{"name": name, "type": "string"} for name, _ in book.fields]
        resources.append(_file(codebook.NAME, codebook.NAME, {"fields": fields, "missingValues": [""]}))
    return {
        "profile": "tabular-data-package",
        "name": _name(exported.main.name, 0),
        "title": title or exported.main.name,
        "created": f"{moment.isoformat(timespec='seconds')}Z",
        "resources": resources,
    }


def _name(table: str, number: int) -> str:
    """Return the name of a table as a data package takes it: ASCII letters alone."""
    return table if _NAME.fullmatch(table) else f"table-{number}"


def _file(name: str, table: str, schema: Facts) -> Facts:
    return {
        "name": name,
        "path": f"{table}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": schema,
    }


def _resource(table: ExportTable, book: Codebook, names: dict[str, str], *, labelled: bool) -> Facts:
    schema: Facts = {
        "fields": [_field(field, table, book, labelled=labelled) for field in table.fields],
        "missingValues": [""],
    }
    if not table.is_further:
        schema["primaryKey"] = [KEY]
    if references := list(_references(table, names)):
        schema["foreignKeys"] = references
    title = next(iter(table.labels.values()), table.name)
    return {**_file(names[table.name], table.name, schema), "title": title}


def _references(table: ExportTable, names: dict[str, str]) -> Iterator[Facts]:
    if table.parent is None:
        return
    # Files and rejected answers belong to rows of several tables: all of them to a submission.
    fields = [KOBO_ID] if table.is_further else [PARENT_KEY]
    above = [KOBO_ID] if table.is_further else [KEY]
    yield {"fields": fields, "reference": {"resource": names[table.parent], "fields": above}}


def _field(field: Field, table: ExportTable, book: Codebook, *, labelled: bool) -> Facts:
    meaning = book.meaning(field)
    told: Facts = {"name": field.name, "type": _TYPES.get(field.kind, "string")}
    if field.kind in _FORMATS:
        told["format"] = _FORMATS[field.kind]
    if field.kind is Kind.BOOLEAN:
        told |= {"trueValues": ["true"], "falseValues": ["false"]}
    further = {"title": meaning.label, "description": meaning.description, "question": field.path}
    if field.answers is not None:
        further["questionType"] = field.answers.newest.question_type
    told |= {name: text for name, text in further.items() if text}
    if meaning.labels:
        told["labels"] = dict(meaning.labels)
    if meaning.choices:
        told["choices"] = [
            {"value": choice.name, "labels": book.labels(choice.labels)} for choice in meaning.choices
        ]
    constraints: Facts = {}
    if field.facet == field.name and field.name in (KEY, KOBO_ID):
        constraints["required"] = True
    if field.name == KEY and not table.is_further:
        constraints["unique"] = True
    if enum := _enum(field, book, labelled=labelled):
        constraints["enum"] = enum
    return {**told, **({"constraints": constraints} if constraints else {})}


def _enum(field: Field, book: Codebook, *, labelled: bool) -> list[str]:
    """Return the answers that the form offers, where only one may be chosen and none be typed."""
    if labelled or field.answers is None or not field.answers.takes_one or field.kind is Kind.JSON:
        return []
    return [choice.name for choice in book.meaning(field).choices if choice.name]
