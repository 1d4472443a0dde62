"""Formats: what an export becomes by the ending of its file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export import codebook, data_package
from kobo_mirror.export.codebook import Codebook
from kobo_mirror.export.csv_text import write_csv
from kobo_mirror.export.exported import Exported, ExportTable, Field
from kobo_mirror.export.geojson import Places, write_geojson
from kobo_mirror.export.parquet import require_pyarrow, write_parquet
from kobo_mirror.export.reading import Cells, Rows
from kobo_mirror.export.xlsx import Workbook
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.views.values import Constant

About = list[tuple[str, str]]
Counts = dict[str, int]
"""The number of rows of each table that the file has."""
_WriteTable = Callable[[IO[bytes], Sequence[Field], Iterable[Sequence[Any]]], int]


@dataclass(frozen=True)
class Content:
    """What an export holds.

    :param exported: its tables.
    :param rows: reads them.
    :param title: what the form is called.
    :param moment: when the database was as the export shows it (UTC).
    :param labelled: labels stand in place of names.
    :param about: what a person is to know of it, by name.
    """

    exported: Exported
    rows: Rows
    title: str
    moment: datetime
    labelled: bool
    about: About

    def tables(self) -> Iterator[tuple[ExportTable, Iterator[Cells]]]:
        """Yield each table with its rows; a further one only if it has any."""
        for table in self.exported.tables:
            rows = self.rows.of(table)
            if table.is_further:
                first = next(rows, None)
                if first is None:
                    continue
                rows = chain([first], rows)
            yield table, rows

    @property
    def codebook(self) -> tuple[list[Field], Iterator[codebook.Line]]:
        """The columns of the codebook, and its rows."""
        book = Codebook(self.exported)
        fields = [Field(name, kind, Constant(""), name) for name, kind in book.fields]
        return fields, book.rows()


def _csv(file: IO[bytes], content: Content) -> Counts:
    main = content.exported.main
    return {main.name: write_csv(file, main.fields, content.rows.of(main))}


def _parquet(file: IO[bytes], content: Content) -> Counts:
    main = content.exported.main
    return {main.name: write_parquet(file, main.fields, content.rows.of(main))}


def _csv_zip(file: IO[bytes], content: Content) -> Counts:
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        counts = _files(archive, content, "csv", write_csv)
        package = data_package.data_package(
            content.exported,
            title=content.title,
            moment=content.moment,
            labelled=content.labelled,
            tables=[*counts],
            with_codebook=True,
        )
        package["about"] = dict(content.about)
        text = json.dumps(package, ensure_ascii=False, indent=1)
        archive.writestr(data_package.FILE, text.encode())
    return counts


def _parquet_zip(file: IO[bytes], content: Content) -> Counts:
    with ZipFile(file, "w", ZIP_STORED) as archive:  # what is in it is small already
        return _files(archive, content, "parquet", write_parquet)


def _files(archive: ZipFile, content: Content, ending: str, write: _WriteTable) -> Counts:
    counts: Counts = {}
    for table, rows in content.tables():
        with archive.open(f"{table.name}.{ending}", "w", force_zip64=True) as file:
            counts[table.name] = write(file, table.fields, rows)
    with archive.open(f"{codebook.NAME}.csv", "w") as file:
        write_csv(file, *content.codebook)
    return counts


def _xlsx(file: IO[bytes], content: Content) -> Counts:
    counts: Counts = {}
    with Workbook(file) as book:
        for table, rows in content.tables():
            columns = [(field.name, field.kind) for field in table.fields]
            counts[table.name] = book.sheet(table.name, columns, rows)
        fields, lines = content.codebook
        book.sheet(codebook.NAME, [(field.name, field.kind) for field in fields], lines)
        renamed = [(f"sheet {sheet}", f"rows of {table}") for sheet, table in book.renamed.items()]
        book.sheet("about", [("about", Kind.TEXT), ("value", Kind.TEXT)], [*content.about, *renamed])
    return counts


def _geojson(file: IO[bytes], content: Content) -> Counts:
    return write_geojson(file, [Places(table) for table in content.exported.rows], content.rows.of)


Write = Callable[[IO[bytes], Content], Counts]
_FORMATS: Mapping[str, Write] = {
    ".csv": _csv,
    ".zip": _csv_zip,
    ".xlsx": _xlsx,
    ".parquet": _parquet,
    ".parquet.zip": _parquet_zip,
    ".geojson": _geojson,
}
_OF_ONE_TABLE = {".csv": ".zip", ".parquet": ".parquet.zip"}
"""Endings of files that hold one table, each with that of a file for several."""


def ending_of(file: Path) -> str:
    """Return the ending of a file by which its format is told.

    :param file: which an export is to be written to.
    :raises ConfigurationError: there is no such format, or it needs a package that is not installed.
    """
    found = [ending for ending in _FORMATS if file.name.lower().endswith(ending)]
    if not found:
        raise ConfigurationError(
            f"The format of {file.name} is not known: name a file that ends with "
            f"{', '.join([*_FORMATS][:-1])} or {[*_FORMATS][-1]}."
        )
    ending = max(found, key=len)
    if ending.startswith(".parquet"):
        require_pyarrow()
    return ending


def format_of(file: Path, exported: Exported) -> Write:
    """Return what writes an export of a form to a file.

    :param file: the file.
    :param exported: the form's tables.
    :raises ConfigurationError: as :func:`ending_of` does, or the form has more tables than the file can hold.
    """
    ending = ending_of(file)
    if ending in _OF_ONE_TABLE and len(exported.rows) > 1:
        other = file.name[: -len(ending)] + _OF_ONE_TABLE[ending]
        names = ", ".join(table.name for table in exported.rows)
        raise ConfigurationError(
            f"The form has {len(exported.rows)} tables ({names}), and a {ending} file holds one: export to "
            f"{other}, which holds a file for each, or to an .xlsx file."
        )
    return _FORMATS[ending]
