"""Codebooks: what the tables of a form mean, as a file or as text, by the ending of the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import read_snapshot
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export.codebook import Codebook
from kobo_mirror.export.csv_text import write_csv
from kobo_mirror.export.data_package import data_package
from kobo_mirror.export.dbt_sources import dbt_sources
from kobo_mirror.export.exported import Field
from kobo_mirror.export.exporting import FormAtHand, form_at_hand
from kobo_mirror.export.whole_files import whole_file
from kobo_mirror.store.catalog import VIEW
from kobo_mirror.store.catalog_tables import tables
from kobo_mirror.views.values import Constant

_Make = Callable[[Connection, FormAtHand], bytes]
_MAIN = "main"  # what SQLite calls the tables of a file


def codebook_of(engine: Engine, pick: str | None, file: Path | None) -> bytes:
    """Return the codebook of a form, and write it to a file.

    :param engine: made by ``open_engine``.
    :param pick: the table or the uid of the form; None: the only one that is mirrored.
    :param file: is replaced if it is there; its ending tells the format. None: CSV, and nothing is written.
    :returns: what the file holds.
    :raises ConfigurationError: there is no such form or format, or the file cannot be written.
    :raises DatabaseError: the catalog cannot be read.
    """
    make = _FORMATS.get(file.suffix.lower()) if file is not None else _csv
    if make is None:
        raise ConfigurationError(
            f"The format of {file.name if file else ''} is not known: name a file that ends with .csv, .json "
            "(a data package) or .yml (dbt sources)."
        )
    text = read_snapshot(engine, lambda connection: make(connection, form_at_hand(connection, pick)))
    if file is not None:
        with whole_file(file) as opened:
            opened.write(text)
    return text


def _csv(_: Connection, form: FormAtHand) -> bytes:
    book, found = Codebook(form.exported), BytesIO()
    write_csv(found, [Field(name, kind, Constant(""), name) for name, kind in book.fields], book.rows())
    return found.getvalue()


def _data_package(_: Connection, form: FormAtHand) -> bytes:
    package = data_package(form.exported, title=form.title, moment=form.moment)
    return json.dumps(package, ensure_ascii=False, indent=1).encode() + b"\n"


def _dbt(connection: Connection, form: FormAtHand) -> bytes:
    mine = (tables.c.asset_uid == form.bound.asset_uid) & (tables.c.kind == VIEW)
    dialect = dialect_of(connection)
    there = dialect.stored_tables(connection)  # a view that is claimed may not have been made
    views = [name for name in connection.scalars(select(tables.c.table_name).where(mine)) if name in there]
    place = _MAIN if dialect.is_file else connection.engine.url.database
    return dbt_sources(form.exported, title=form.title, schema=place or _MAIN, views=views).encode()


_FORMATS: Mapping[str, _Make] = {".csv": _csv, ".json": _data_package, ".yml": _dbt, ".yaml": _dbt}
