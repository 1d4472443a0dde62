"""Rows of ledger and form table in a window of ids: locked for the writer, as text to compare, or whole.

A window is ``after < id <= upto``; ``upto`` is None where it has no end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Result,
    Select,
    String,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
)

from kobo_mirror.forms.declared_form import Form
from kobo_mirror.store.decide import Stored
from kobo_mirror.store.tables import form_table, submissions

_ID = submissions.c.kobo_id
_OF_ASSET = submissions.c.asset_uid == bindparam("asset")
_EXISTS = submissions.c.state != "deleted"


class _Windowed(NamedTuple):
    """A statement over a window of ids, composed once: that takes SQLAlchemy longer than to run it."""

    above: Select[Any]
    between: Select[Any]

    @classmethod
    def of(cls, query: Select[Any]) -> _Windowed:
        above = query.where(_OF_ASSET, bindparam("after") < _ID)
        return cls(above, above.where(bindparam("upto") >= _ID))

    def run(
        self, connection: Connection, asset_uid: str, after: int, upto: int | None, **further: Any
    ) -> Result[Any]:
        """Run the statement for the ids ``after < id <= upto`` (None: no end)."""
        known = {"asset": asset_uid, "after": after, **further}
        if upto is None:
            return connection.execute(self.above, known)
        return connection.execute(self.between, {**known, "upto": upto})


def _as_text(cells: Iterable[ColumnElement[Any]], ending: ColumnElement[Any]) -> _Windowed:
    """Compose a line for each row: ``kobo_id``, the cells with a tab before each (NULL: nothing), the ending.

    Their order is not promised, and a text of over a million bytes is cut short: that it equals another says
    that the rows are equal; that it differs says nothing.
    """
    line: ColumnElement[Any] = cast(_ID, String)
    for cell in cells:
        line = line + literal("\t", literal_execute=True) + func.coalesce(cell, "")
    return _Windowed.of(select(func.group_concat(line + ending)).where(_EXISTS))


_LOCKED = select(*(submissions.c[name] for name in Stored._fields)).order_by(_ID).with_for_update()
_LOCKED_OF = _LOCKED.where(_OF_ASSET, _ID.in_(bindparam("ids", expanding=True, literal_execute=False)))
_LOCKED_BETWEEN = _Windowed.of(_LOCKED)
_SWEPT_AS_TEXT = _as_text(
    (
        submissions.c.uuid,
        submissions.c.validation_status,
        cast(submissions.c.validation_timestamp, String),
    ),
    case((submissions.c.document_digest.is_(None), "?\n"), else_="\n"),
)
_DIGESTS_AS_TEXT = _as_text(
    (submissions.c.uuid, func.hex(submissions.c.document_digest)),
    case((submissions.c.epoch != bindparam("epoch"), "?\n"), else_="\n"),
)


def locked_of(connection: Connection, asset_uid: str, ids: Sequence[int]) -> dict[int, Stored]:
    """Return the ledger's rows of some submissions, tombstones included, locked until the transaction ends.

    :param connection: an open transaction that holds the form's row (``hold_form``).
    :param asset_uid: the form's uid.
    :param ids: ``_id`` of each submission, ascending, so that transactions lock in one order.
    :returns: the rows by ``_id``; ids that the ledger has never seen are missing, and cannot be locked.
    """
    if not ids:
        return {}
    return _stored(connection.execute(_LOCKED_OF, {"asset": asset_uid, "ids": list(ids)}))


def locked_between(connection: Connection, asset_uid: str, after: int, upto: int | None) -> dict[int, Stored]:
    """Return the ledger's rows of a window, tombstones included, locked until the transaction ends.

    :param connection: an open transaction that holds the form's row (``hold_form``).
    :param asset_uid: the form's uid.
    :param after: the highest ``_id`` below the window.
    :param upto: the last ``_id`` of the window; None: no end.
    :returns: the rows by ``_id``, ascending.
    """
    return _stored(_LOCKED_BETWEEN.run(connection, asset_uid, after, upto))


def _stored(rows: Result[Any]) -> dict[int, Stored]:
    return {row[0]: Stored._make(row) for row in rows}


class SweptRow(NamedTuple):
    """What a sweep sees of a submission: id, edit token and validation.

    :param uuid: the edit token.
    :param validation_timestamp: Unix time in seconds.
    """

    kobo_id: int
    uuid: str | None
    validation_status: str | None
    validation_timestamp: int | None


class LedgerRow(NamedTuple):
    """What the ledger says of a submission that exists on the server.

    :param document_digest: 16 bytes; None once the row was invalidated.
    :param row_digest: the digest of the form table's row, 16 bytes; None without one.
    :param state: ``applied`` or ``rejected``.
    """

    seen: SweptRow
    document_digest: bytes | None
    row_digest: bytes | None
    state: str


def _between(query: Select[Any], column: Any, after: int, upto: int | None) -> Select[Any]:
    query = query.where(column > after).order_by(column)
    return query if upto is None else query.where(column <= upto)


def _existing_rows(asset_uid: str) -> Select[Any]:
    t = submissions.c
    seen = (t.kobo_id, t.uuid, t.validation_status, t.validation_timestamp)
    query = select(*seen, t.document_digest, t.row_digest, t.state)
    return query.where(t.asset_uid == asset_uid, t.state != "deleted")


def _read_rows(connection: Connection, query: Select[Any]) -> dict[int, LedgerRow]:
    return {row[0]: LedgerRow(SweptRow(*row[:4]), *row[4:]) for row in connection.execute(query)}


def ledger_rows_between(
    connection: Connection, asset_uid: str, after: int, upto: int | None, *, limit: int | None = None
) -> dict[int, LedgerRow]:
    """Return the ledger's rows of a window, tombstones left out.

    :param connection: an open connection; nothing is locked.
    :param asset_uid: the form's uid.
    :param after: the highest ``_id`` below the window.
    :param upto: the last ``_id`` of the window; None: no end.
    :param limit: at most so many rows, the lowest ids first; None: all.
    :returns: the rows by ``_id``, ascending.
    """
    query = _between(_existing_rows(asset_uid), submissions.c.kobo_id, after, upto)
    return _read_rows(connection, query.limit(limit))


def ledger_rows_of(connection: Connection, asset_uid: str, ids: list[int]) -> dict[int, LedgerRow]:
    """Return the ledger's rows of some submissions by ``_id``, tombstones left out.

    :param connection: an open connection; nothing is locked.
    :param asset_uid: the form's uid.
    :param ids: ``_id`` of each submission.
    """
    return _read_rows(connection, _existing_rows(asset_uid).where(submissions.c.kobo_id.in_(ids)))


def swept_rows_between(
    connection: Connection, asset_uid: str, after: int, upto: int | None, *, limit: int | None = None
) -> dict[int, SweptRow]:
    """Return what a sweep would see of the ledger's rows of a window; an invalidated row equals no swept one.

    :param connection: an open connection; nothing is locked.
    :param asset_uid: the form's uid.
    :param after: the highest ``_id`` below the window.
    :param upto: the last ``_id`` of the window; None: no end.
    :param limit: at most so many rows, the lowest ids first; None: all.
    :returns: the rows by ``_id``, ascending; the edit token of an invalidated one is ``""``.
    """
    held = ledger_rows_between(connection, asset_uid, after, upto, limit=limit)
    return {
        kobo_id: row.seen if row.document_digest else row.seen._replace(uuid="")
        for kobo_id, row in held.items()
    }


def stored_window_text(connection: Connection, asset_uid: str, after: int, upto: int | None) -> str:
    """Return the ledger's rows of a window as :func:`window_text` spells them, put together by the database.

    :param connection: an open connection; nothing is locked.
    :param asset_uid: the form's uid.
    :param after: the highest ``_id`` below the window.
    :param upto: the last ``_id`` of the window; None: no end.
    """
    return _SWEPT_AS_TEXT.run(connection, asset_uid, after, upto).scalar_one() or ""


def window_equals(
    connection: Connection,
    asset_uid: str,
    rows: Iterable[tuple[int, str | None, bytes]],
    window: tuple[int, int | None],
    epoch: int,
) -> bool:
    """Return True if the ledger's window holds exactly these rows; one text is compared, not row by row.

    :param connection: an open connection; nothing is locked.
    :param asset_uid: the form's uid.
    :param rows: ``kobo_id``, edit token and digest of each submission, ascending.
    :param window: the ids ``after < id <= upto`` (None: no end).
    :param epoch: the form's current one; rows of another epoch equal nothing.
    """
    lines = [f"{kobo_id}\t{uuid or ''}\t{digest.hex().upper()}\n" for kobo_id, uuid, digest in rows]
    held = _DIGESTS_AS_TEXT.run(connection, asset_uid, *window, epoch=epoch).scalar_one()
    return ",".join(lines) == (held or "")


def window_text(rows: Iterable[SweptRow]) -> str:
    r"""Return swept rows as one text, unambiguous since no uuid and no uid holds a tab or a line break.

    >>> window_text([SweptRow(7, "a1", None, None), SweptRow(9, "b2", "on_hold", 1787200100)])
    '7\ta1\t\t\n,9\tb2\ton_hold\t1787200100\n'

    :param rows: what a sweep saw, ascending.
    """
    return ",".join(
        [
            f"{kobo_id}\t{uuid or ''}\t{status or ''}\t{'' if stamp is None else stamp}\n"
            for kobo_id, uuid, status, stamp in rows
        ]
    )


def _form_rows(form: Form) -> Select[Any]:
    table = form_table(form)
    return select(table.c.id, table.c.kobo_id, *(table.c[column.name] for column in form.columns))


def form_rows_between(
    connection: Connection, form: Form, after: int, upto: int | None
) -> dict[int, tuple[Any, ...]]:
    """Return the declared table's rows of a window, each as ``State.row`` has it: without the two clocks.

    :param connection: an open connection; nothing is locked.
    :param form: the declaration of the table.
    :param after: the highest ``_id`` below the window.
    :param upto: the last ``_id`` of the window; None: no end.
    :returns: the rows by ``_id``, ascending.
    """
    query = _between(_form_rows(form), form_table(form).c.kobo_id, after, upto)
    return {row[1]: tuple(row) for row in connection.execute(query)}


def form_rows_of(connection: Connection, form: Form, ids: list[int]) -> dict[int, tuple[Any, ...]]:
    """Return the declared table's rows of some submissions by ``_id``, each as ``State.row`` has it.

    :param connection: an open connection; nothing is locked.
    :param form: the declaration of the table.
    :param ids: ``_id`` of each submission.
    """
    query = _form_rows(form).where(form_table(form).c.kobo_id.in_(ids))
    return {row[1]: tuple(row) for row in connection.execute(query)}
