"""Parquet: the cells of a table with their types, by pyarrow, in groups of rows of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import IO, Any

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export.exported import Field
from kobo_mirror.forms.question_types import Kind

_MOST_ROWS, _MOST_CHARACTERS = 20_000, 16_000_000  # of a group
_TYPES: Mapping[Kind, tuple[str, ...]] = {
    Kind.INTEGER: ("int64",),
    Kind.DECIMAL: ("float64",),
    Kind.TEXT: ("string",),
    Kind.KEY: ("string",),
    Kind.JSON: ("string",),
    Kind.DATE: ("date32",),
    Kind.TIME: ("time64", "us"),
    Kind.DATETIME: ("timestamp", "us"),
    Kind.BOOLEAN: ("bool_",),
}


def require_pyarrow() -> ModuleType:
    """Return pyarrow.

    :raises ConfigurationError: it is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415  # 0.2 s, and not everywhere
    except ImportError:
        raise ConfigurationError(
            "Parquet files need the package pyarrow: install `kobo-mirror[export]`, or pyarrow itself."
        ) from None
    module: ModuleType = pyarrow
    return module


def write_parquet(file: IO[bytes], fields: Sequence[Field], rows: Iterable[Sequence[Any]]) -> int:
    """Write a table.

    :param file: open for writing bytes.
    :param fields: its columns; each tells its question and label in its metadata.
    :param rows: their cells.
    :returns: the number of rows.
    """
    arrow = require_pyarrow()
    kinds = [getattr(arrow, name)(*more) for name, *more in (_TYPES[field.kind] for field in fields)]
    schema = arrow.schema(
        [
            arrow.field(field.name, kind, metadata=_told(field))
            for field, kind in zip(fields, kinds, strict=True)
        ]
    )
    count = 0
    with arrow.parquet.ParquetWriter(file, schema) as writer:
        for group in _groups(rows):
            columns = zip(*group, strict=True)
            arrays = [arrow.array(cells, kind) for cells, kind in zip(columns, kinds, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            count += len(group)
    return count


def _groups(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    group, characters = list[Sequence[Any]](), 0
    for row in rows:
        group.append(row)
        characters += sum([len(cell) for cell in row if type(cell) is str])
        if len(group) == _MOST_ROWS or characters > _MOST_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _told(field: Field) -> dict[str, str]:
    told = {"question": field.path}
    if field.column is not None and field.column.labels:
        told["label"] = next(iter(field.column.labels.values()))
    return {name: text for name, text in told.items() if text}
