"""What the ledger holds, read in the order of ``_id``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
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

from kobo_mirror.database.engine import moment_of
from kobo_mirror.forms.schema import Mirror
from kobo_mirror.store.decide import Stored
from kobo_mirror.store.tables import form_table, submissions
from kobo_mirror.store.tables import rejections as rejected
from kobo_mirror.store.tombstones import NEVER_STORED

_WALK = 5_000
_ID = submissions.c.kobo_id
_OF_ASSET = submissions.c.asset_uid == bindparam("asset")
_EXISTS = submissions.c.state != "deleted"


class _Windowed(NamedTuple):
    """A statement over a window of ids, made once: SQLAlchemy takes longer to make it than to run it."""

    above: Select[Any]
    between: Select[Any]

    @classmethod
    def of(cls, query: Select[Any]) -> _Windowed:
        above = query.where(_OF_ASSET, bindparam("after") < _ID)
        return cls(above, above.where(bindparam("upto") >= _ID))

    def run(
        self, connection: Connection, asset_uid: str, after: int, upto: int | None, **further: Any
    ) -> Result[Any]:
        """Of the ids ``after < id <= upto`` (None: no end)."""
        known = {"asset": asset_uid, "after": after, **further}
        if upto is None:
            return connection.execute(self.above, known)
        return connection.execute(self.between, {**known, "upto": upto})


def _as_text(cells: Iterable[ColumnElement[Any]], ending: ColumnElement[Any]) -> _Windowed:
    """A line for each row: ``kobo_id``, the cells with a tab before each (NULL: nothing), the ending.

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
_SEEN_AS_TEXT = _as_text(
    (
        submissions.c.uuid,
        submissions.c.validation_status,
        cast(submissions.c.validation_timestamp, String),
    ),
    case((submissions.c.digest.is_(None), "?\n"), else_="\n"),
)
_DIGESTS_AS_TEXT = _as_text(
    (submissions.c.uuid, func.hex(submissions.c.digest)),
    case((submissions.c.epoch != bindparam("epoch"), "?\n"), else_="\n"),
)


def locked_of(connection: Connection, asset_uid: str, ids: Sequence[int]) -> dict[int, Stored]:
    """What the ledger holds of these ids, tombstones included, locked until the transaction ends."""
    if not ids:
        return {}
    return _stored(connection.execute(_LOCKED_OF, {"asset": asset_uid, "ids": list(ids)}))


def locked_between(connection: Connection, asset_uid: str, after: int, upto: int | None) -> dict[int, Stored]:
    """The same of the ids ``after < id <= upto`` (None: no end)."""
    return _stored(_LOCKED_BETWEEN.run(connection, asset_uid, after, upto))


def _stored(rows: Result[Any]) -> dict[int, Stored]:
    return {row[0]: Stored._make(row) for row in rows}


class SweptRow(NamedTuple):
    """What a sweep can see of a submission."""

    kobo_id: int
    uuid: str | None
    validation_status: str | None
    validation_timestamp: int | None


class LedgerRow(NamedTuple):
    """What the ledger says of a submission that exists on the server."""

    seen: SweptRow
    digest: bytes | None
    row_digest: bytes | None
    state: str


def _between(query: Select[Any], column: Any, after: int, upto: int | None) -> Select[Any]:
    query = query.where(column > after).order_by(column)
    return query if upto is None else query.where(column <= upto)


def held_between(
    connection: Connection, asset_uid: str, after: int, upto: int | None, *, limit: int | None = None
) -> dict[int, LedgerRow]:
    """The ledger's rows with ``after < id <= upto``, tombstones left out."""
    t = submissions.c
    query = select(
        t.kobo_id, t.uuid, t.validation_status, t.validation_timestamp, t.digest, t.row_digest, t.state
    )
    query = _between(query.where(t.asset_uid == asset_uid, t.state != "deleted"), t.kobo_id, after, upto)
    return {row[0]: LedgerRow(SweptRow(*row[:4]), *row[4:]) for row in connection.execute(query.limit(limit))}


def held_of(connection: Connection, asset_uid: str, ids: list[int]) -> dict[int, LedgerRow]:
    """The same for single ids."""
    t = submissions.c
    query = select(
        t.kobo_id, t.uuid, t.validation_status, t.validation_timestamp, t.digest, t.row_digest, t.state
    )
    query = query.where(t.asset_uid == asset_uid, t.state != "deleted", t.kobo_id.in_(ids))
    return {row[0]: LedgerRow(SweptRow(*row[:4]), *row[4:]) for row in connection.execute(query)}


def seen_between(
    connection: Connection, asset_uid: str, after: int, upto: int | None, *, limit: int | None = None
) -> dict[int, SweptRow]:
    """What a sweep could see of the ledger's rows; a row marked for repair (no digest) equals nothing."""
    held = held_between(connection, asset_uid, after, upto, limit=limit)
    return {kobo_id: row.seen if row.digest else row.seen._replace(uuid="") for kobo_id, row in held.items()}


def stored_window_text(connection: Connection, asset_uid: str, after: int, upto: int | None) -> str:
    """The same rows as one text, put together by the database: see :func:`window_text`."""
    return _SEEN_AS_TEXT.run(connection, asset_uid, after, upto).scalar_one() or ""


def window_equals(
    connection: Connection,
    asset_uid: str,
    rows: Iterable[tuple[int, str | None, bytes]],
    window: tuple[int, int | None],
    epoch: int,
) -> bool:
    """Return True if the window holds exactly these rows: texts are compared, as with :func:`window_text`.

    :param rows: ``kobo_id``, edit token and digest of each, ascending.
    :param window: the ids ``after < id <= upto`` (None: no end).
    :param epoch: the form's current one; rows of another equal nothing.
    """
    lines = [f"{kobo_id}\t{uuid or ''}\t{digest.hex().upper()}\n" for kobo_id, uuid, digest in rows]
    held = _DIGESTS_AS_TEXT.run(connection, asset_uid, *window, epoch=epoch).scalar_one()
    return ",".join(lines) == (held or "")


def window_text(rows: Iterable[SweptRow]) -> str:
    """What a sweep saw as one text: unambiguous, since no uuid and no uid holds a tab or a line break."""
    return ",".join(
        [
            f"{kobo_id}\t{uuid or ''}\t{status or ''}\t{'' if stamp is None else stamp}\n"
            for kobo_id, uuid, status, stamp in rows
        ]
    )


def rows_between(
    connection: Connection, mirror: Mirror, after: int, upto: int | None
) -> dict[int, tuple[Any, ...]]:
    """The form table's rows, clocks left out, as ``State.row`` has them."""
    table = form_table(mirror.form)
    cells = [table.c.id, table.c.kobo_id, *(table.c[column.name] for column in mirror.form.columns)]
    query = _between(select(*cells), table.c.kobo_id, after, upto)
    return {row[1]: tuple(row) for row in connection.execute(query)}


def rows_of(connection: Connection, mirror: Mirror, ids: list[int]) -> dict[int, tuple[Any, ...]]:
    """The same for single ids."""
    table = form_table(mirror.form)
    cells = [table.c.id, table.c.kobo_id, *(table.c[column.name] for column in mirror.form.columns)]
    return {row[1]: tuple(row) for row in connection.execute(select(*cells).where(table.c.kobo_id.in_(ids)))}


def state_counts(connection: Connection, asset_uid: str) -> dict[str, int]:
    """How many submissions are ``applied``, ``rejected`` and ``deleted``, counted one by one.

    For what must not depend on a running total; ``tallies.totals`` has the same for a glance.
    """
    t = submissions.c
    query = select(t.state, func.count()).where(t.asset_uid == asset_uid).group_by(t.state)
    return {state: number for state, number in connection.execute(query)}  # noqa: C416  # rows, not pairs


def counts_of_stored(connection: Connection, asset_uid: str) -> dict[str, int]:
    """The same without tombstones of what was never stored."""
    t = submissions.c
    query = select(t.state, func.count()).where(t.asset_uid == asset_uid)
    query = query.where(func.coalesce(t.reason, "") != NEVER_STORED)
    return {state: number for state, number in connection.execute(query.group_by(t.state))}  # noqa: C416  # rows, not pairs


def newest_existing(connection: Connection, asset_uid: str) -> int | None:
    """The highest ``_id`` of a submission that the ledger holds as existing."""
    t = submissions.c
    query = select(t.kobo_id).where(t.asset_uid == asset_uid, t.state != "deleted")
    return connection.execute(query.order_by(t.kobo_id.desc()).limit(1)).scalar_one_or_none()


def holds_any(connection: Connection, asset_uid: str, *, after: int = 0, upto: int | None = None) -> bool:
    """Whether the ledger knows any submission of a form with ``after < id <= upto`` (None: no end)."""
    t = submissions.c
    query = _between(select(t.kobo_id).where(t.asset_uid == asset_uid), t.kobo_id, after, upto)
    return connection.execute(query.limit(1)).first() is not None


def rejections(connection: Connection, asset_uid: str, limit: int) -> list[tuple[int, str]]:
    """The first rejections: ``_id`` and reason."""
    listed, t = rejected.c, submissions.c
    same = (t.asset_uid == listed.asset_uid) & (t.kobo_id == listed.kobo_id) & (t.state == "rejected")
    query = select(listed.kobo_id, t.reason).join_from(rejected, submissions, same)
    query = query.where(listed.asset_uid == asset_uid).order_by(listed.kobo_id).limit(limit)
    return [(kobo_id, reason) for kobo_id, reason in connection.execute(query)]


def existing(connection: Connection, asset_uid: str, ids: Sequence[int]) -> list[int]:
    """Which of these ids the ledger holds as existing."""
    t = submissions.c
    query = select(t.kobo_id).where(t.asset_uid == asset_uid, t.state != "deleted", t.kobo_id.in_(ids))
    return sorted(connection.execute(query).scalars())


def deleted_since(connection: Connection, asset_uid: str, lifetime: timedelta) -> int:
    """How many tombstones were made in that time; not those confirmed by a person or never stored."""
    t = submissions.c
    moment = moment_of(connection)
    query = select(func.count()).where(t.asset_uid == asset_uid, t.state == "deleted", t.reason.is_(None))
    return connection.execute(query.where(t.deleted_at > moment - lifetime)).scalar_one()


def young(connection: Connection, asset_uid: str, upto: int | None, lifetime: timedelta) -> list[int]:
    """Existing submissions with ``id <= upto`` (None: all) that reached the server in that time."""
    t = submissions.c
    moment = moment_of(connection)
    query = select(t.kobo_id).where(t.asset_uid == asset_uid, t.state != "deleted")
    recent = query.where(t.submission_time > moment - lifetime)
    recent = recent if upto is None else recent.where(t.kobo_id <= upto)
    return list(connection.execute(recent.order_by(t.kobo_id)).scalars())


def ids_of_roots(connection: Connection, asset_uid: str, root_uuids: set[str]) -> list[int]:
    """Existing submissions with these root uuids: one ordered walk of the ledger, however many there are."""
    t = submissions.c
    query = select(t.kobo_id, t.root_uuid).where(t.asset_uid == asset_uid, t.state != "deleted")
    walk = connection.execution_options(yield_per=_WALK).execute(query.order_by(t.kobo_id))
    return [kobo_id for kobo_id, root in walk if root in root_uuids]


def roots_above(connection: Connection, asset_uid: str, kobo_id: int, root_uuids: set[str]) -> set[str]:
    """Which of these root uuids existing submissions above an ``_id`` have."""
    if not root_uuids:
        return set()
    t = submissions.c
    query = select(t.root_uuid).where(t.asset_uid == asset_uid, t.kobo_id > kobo_id, t.state != "deleted")
    walk = connection.execution_options(yield_per=_WALK).execute(query.order_by(t.kobo_id))
    return root_uuids.intersection(root for (root,) in walk)
