"""CSV: the cells of a table as text, from which each one can be read back as it was.

UTF-8 with a byte order mark, by which Excel knows Arabic and Amharic when a file is opened by a double click.
NULL is nothing between two commas, an empty answer is ``""``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import IO, Any

from kobo_mirror.export.exported import Field
from kobo_mirror.forms.question_types import Kind

_MARK = b"\xef\xbb\xbf"
_QUOTED = re.compile(r'[",\r\n]')
_AT_ONCE = 500  # rows in one write


def write_csv(file: IO[bytes], fields: Sequence[Field], rows: Iterable[Sequence[Any]]) -> int:
    """Write a table.

    :param file: open for writing bytes.
    :param fields: its columns.
    :param rows: their cells.
    :returns: the number of rows.
    """
    file.write(_MARK + _line([_quoted(field.name) for field in fields]).encode())
    spelt = [SPELT[field.kind] for field in fields]
    count, lines = 0, list[str]()
    for row in rows:
        lines.append(
            _line(["" if cell is None else spell(cell) for spell, cell in zip(spelt, row, strict=True)])
        )
        count += 1
        if len(lines) == _AT_ONCE:
            file.write("".join(lines).encode())
            lines.clear()
    file.write("".join(lines).encode())
    return count


def _line(texts: Sequence[str]) -> str:
    return ",".join(texts) + "\r\n"


def _quoted(text: str) -> str:
    if text and not _QUOTED.search(text):
        return text
    return '"{}"'.format(text.replace('"', '""'))


def spelt_time(cell: datetime | time) -> str:
    """Return a time as ISO 8601 has it, with as many digits of a fraction as it needs.

    :param cell: of a day, or of the calendar.
    """
    return cell.isoformat(timespec="auto" if cell.microsecond % 1000 else "milliseconds").removesuffix(".000")


SPELT: Mapping[Kind, Callable[[Any], str]] = {
    Kind.INTEGER: str,
    Kind.DECIMAL: repr,
    Kind.TEXT: _quoted,
    Kind.KEY: _quoted,
    Kind.JSON: _quoted,
    Kind.DATE: str,
    Kind.TIME: spelt_time,
    Kind.DATETIME: spelt_time,
    Kind.BOOLEAN: lambda cell: "true" if cell else "false",
}
"""A cell as it stands in a file."""
