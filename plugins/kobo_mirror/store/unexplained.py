"""Unexplained answers: the paths that rows keep in ``extra``, since no column is for them."""

from __future__ import annotations

import json
from collections import Counter

from sqlalchemy import Engine, Table, func, select

from kobo_mirror.database.engine import reading
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.store.form_tables import physical_tables

_WITH_EXTRA = (TableKind.MAIN, TableKind.REST, TableKind.REPEAT)
_LONGEST = 65_536  # characters of an ``extra`` that is read
_AT_ONCE = 500
_MOST = 1_000  # paths that are counted apart


def unexplained_paths(engine: Engine, schema: FormSchema) -> dict[str, int]:
    """Count the rows that hold an answer at each path that no column is for.

    Answers leave this module as numbers alone. The first thousand paths are counted, and ``extra`` of up to
    64 K characters is read, so that memory stays bounded.

    :param engine: made by ``open_engine``.
    :param schema: by which the form's rows are shaped.
    :returns: by path, the most frequent first.
    :raises DatabaseError: the database cannot be read now.
    """
    found: Counter[str] = Counter()
    made = physical_tables(schema).tables
    for table in schema.tables:
        if table.kind in _WITH_EXTRA:
            _count(engine, made[table.name], found)
    return dict(found.most_common())


def _count(engine: Engine, table: Table, found: Counter[str]) -> None:
    extra = table.c.extra
    query = select(extra).where(extra.is_not(None), func.length(extra) <= _LONGEST)
    with reading(engine) as connection:
        for text in connection.execution_options(yield_per=_AT_ONCE).execute(query).scalars():
            for path in _paths_in(text):
                if path in found or len(found) < _MOST:
                    found[path] += 1


def _paths_in(extra: str) -> list[str]:
    try:
        value = json.loads(extra)
    except (ValueError, RecursionError):  # changed by hand, or of levels that Python does not read
        return []
    return [path for path in value if path != "\udfff"] if isinstance(value, dict) else []
