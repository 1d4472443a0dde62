"""Waiting submissions: those whose rows hold answers that no column held when the rows were written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from heapq import merge
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    bindparam,
    case,
    func,
    null,
    select,
)

from kobo_mirror.database.engine import read
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.row_counts import BEFORE_ALL
from kobo_mirror.store.tables import submissions
from kobo_mirror.submissions.waiting_answers import WaitingAnswers

_AT_ONCE = 500  # rows
_LONGEST = 65_536  # characters of an ``extra`` that are read; one that is longer counts as one that waits
_AFTER: BindParameter[int] = bindparam("after")
_WITH_EXTRA = (TableKind.MAIN, TableKind.REST, TableKind.REPEAT)

Judge = Callable[[Any], bool]


def waiting_submissions(
    engine: Engine, schema: FormSchema, answers: WaitingAnswers, *, at_once: int = _AT_ONCE
) -> Iterator[int]:
    """Yield the submissions whose answers may wait, ascending, each once.

    Nothing is locked: what is written meanwhile is shaped by the schema in force.

    :param engine: made by ``open_engine``.
    :param schema: the form's, as it was applied.
    :param answers: judges what the rows hold.
    :param at_once: rows of a table that are read at once.
    :returns: ``_id`` of each submission; one that is rejected whole, and has no row, is among them.
    """
    made = physical_tables(schema)
    extras = [made.tables[table.name] for table in schema.tables if table.kind in _WITH_EXTRA]
    judged: list[tuple[Select[Any], Judge]] = [(_extras(table), answers.are_in) for table in extras]
    judged.append((_rejected_lists(schema.asset_uid), answers.may_be_rejected_at))
    judged.append((_without_rows(schema.asset_uid, made.tables[schema.root.name]), lambda _: True))
    last = None
    for kobo_id in merge(*(_stream(engine, query, judge, at_once) for query, judge in judged)):
        if kobo_id != last:
            yield kobo_id
        last = kobo_id


def _extras(table: Table) -> Select[Any]:
    extra = table.c.extra
    text = case((func.length(extra) <= _LONGEST, extra), else_=null())
    query = select(table.c.kobo_id, text).where(table.c.kobo_id > _AFTER, extra.is_not(None))
    return query.order_by(table.c.kobo_id)


def _rejected_lists(asset_uid: str) -> Select[Any]:
    t = rejected_cells.c
    mine = and_(t.asset_uid == asset_uid, t.kobo_id > _AFTER, t.value.startswith("["))
    return select(t.kobo_id, t.path).where(mine).order_by(t.kobo_id)


def _without_rows(asset_uid: str, root: Table) -> Select[Any]:
    """Return the query of what was rejected whole: only its payload could say what waits, if it was kept."""
    t = submissions.c
    query = select(t.kobo_id, null()).select_from(submissions.outerjoin(root, t.kobo_id == root.c.kobo_id))
    mine = and_(t.asset_uid == asset_uid, t.kobo_id > _AFTER, t.state == "rejected")
    return query.where(mine, root.c.kobo_id.is_(None)).order_by(t.kobo_id)


def _stream(engine: Engine, query: Select[Any], is_waiting: Judge, at_once: int) -> Iterator[int]:
    """Yield the ids of the rows that a judge takes, ascending, read in portions.

    A submission that fills a whole portion with its rows is taken unread.

    :param query: of ids and of what is judged, for the ids above a parameter.
    """
    after = BEFORE_ALL
    while True:
        rows = read(engine, partial(_portion, query=query.limit(at_once), after=after))
        is_last = len(rows) < at_once
        if not is_last and rows[0][0] == rows[-1][0]:
            after = rows[-1][0]
            yield after
            continue
        if not is_last:
            after = rows[-1][0] - 1  # the rest of this submission's rows may be in the next portion
            rows = [row for row in rows if row[0] <= after]
        yield from [kobo_id for kobo_id, held in rows if is_waiting(held)]
        if is_last:
            return


def _portion(connection: Connection, query: Select[Any], after: int) -> list[Any]:
    return list(connection.execute(query, {"after": after}))
