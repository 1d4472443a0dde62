"""System columns: what the tables of every form have beside its questions."""

from __future__ import annotations

from collections.abc import Sequence

from kobo_mirror.forms.form_schema import EXTRA, INSERTED_AT, UPDATED_AT, Column
from kobo_mirror.forms.question_types import Kind

_ROOT_COLUMNS = (
    ("submission_time", Kind.DATETIME),
    ("submitted_by", Kind.TEXT),
    ("form_version", Kind.TEXT),
    ("validation_status", Kind.TEXT),
    ("validation_by", Kind.TEXT),
    ("validation_time", Kind.DATETIME),
    ("root_uuid", Kind.TEXT),
    ("instance_name", Kind.TEXT),
)
_TRAILING_COLUMNS = ((EXTRA, Kind.JSON), (INSERTED_AT, Kind.DATETIME), (UPDATED_AT, Kind.DATETIME))
_FILES_COLUMNS = (
    ("uid", Kind.KEY),
    ("table_name", Kind.TEXT),
    ("pos", Kind.TEXT),
    ("column_name", Kind.TEXT),
    ("file_name", Kind.TEXT),
    ("mime_type", Kind.TEXT),
    ("is_deleted", Kind.BOOLEAN),
    ("matched", Kind.TEXT),
    ("question_xpath", Kind.TEXT),
)

RESERVED_NAMES = frozenset(name for columns in (_ROOT_COLUMNS, _TRAILING_COLUMNS) for name, _ in columns) | {
    "id",
    "kobo_id",
}
"""Names that no question may have."""
TRAILING_NAMES = frozenset(name for name, _ in _TRAILING_COLUMNS)
"""Names of the columns that are read after the questions."""


def root_columns(without: Sequence[str] = ()) -> tuple[Column, ...]:
    """Return the columns of a root table, its key apart.

    :param without: those whose values a declared table has.
    """
    named = [(name, kind) for name, kind in _ROOT_COLUMNS if name not in without]
    return _columns((*named, *_TRAILING_COLUMNS))


def repeat_columns() -> tuple[Column, ...]:
    """Return the columns of a repeat's table, its keys apart."""
    return _columns(_TRAILING_COLUMNS[:1])


def files_columns() -> tuple[Column, ...]:
    """Return the columns of the table of files, ``kobo_id`` apart."""
    return _columns(_FILES_COLUMNS)


def _columns(named: Sequence[tuple[str, Kind]]) -> tuple[Column, ...]:
    return tuple(Column(name=name, path="", facet=name, kind=kind) for name, kind in named)
