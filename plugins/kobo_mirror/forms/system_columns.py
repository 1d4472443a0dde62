"""System columns: what the tables of every form have beside its questions."""

from __future__ import annotations

from collections.abc import Sequence

from kobo_mirror.forms.form_schema import Column
from kobo_mirror.forms.question_types import Kind

_OF_THE_ROOT = (
    ("submission_time", Kind.DATETIME),
    ("submitted_by", Kind.TEXT),
    ("form_version", Kind.TEXT),
    ("validation_status", Kind.TEXT),
    ("validation_by", Kind.TEXT),
    ("validation_time", Kind.DATETIME),
    ("root_uuid", Kind.TEXT),
    ("instance_name", Kind.TEXT),
)
_AFTER_THE_QUESTIONS = (("extra", Kind.JSON), ("inserted_at", Kind.DATETIME), ("updated_at", Kind.DATETIME))
_OF_FILES = (
    ("uid", Kind.TEXT),
    ("table_name", Kind.TEXT),
    ("pos", Kind.TEXT),
    ("column_name", Kind.TEXT),
    ("file_name", Kind.TEXT),
    ("mime_type", Kind.TEXT),
    ("is_deleted", Kind.BOOLEAN),
    ("matched", Kind.TEXT),
    ("question_xpath", Kind.TEXT),
)

NAMES = frozenset(name for columns in (_OF_THE_ROOT, _AFTER_THE_QUESTIONS) for name, _ in columns) | {
    "id",
    "kobo_id",
}
"""Names that no question may have."""
LAST = frozenset(name for name, _ in _AFTER_THE_QUESTIONS)
"""Those that are read after the questions."""


def of_the_root(without: Sequence[str] = ()) -> tuple[Column, ...]:
    """Return the columns of a root table, its key apart.

    :param without: those whose values a declared table has.
    """
    named = [(name, kind) for name, kind in _OF_THE_ROOT if name not in without]
    return _columns((*named, *_AFTER_THE_QUESTIONS))


def of_a_repeat() -> tuple[Column, ...]:
    """Return the columns of a repeat's table, its keys apart."""
    return _columns(_AFTER_THE_QUESTIONS[:1])


def of_files() -> tuple[Column, ...]:
    """Return the columns of the table of files, ``kobo_id`` apart."""
    return _columns(_OF_FILES)


def _columns(named: Sequence[tuple[str, Kind]]) -> tuple[Column, ...]:
    return tuple(Column(name=name, path="", facet=name, kind=kind) for name, kind in named)
