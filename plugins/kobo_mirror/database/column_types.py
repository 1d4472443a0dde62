"""Column types, defaults and table options, each as every dialect declares it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, DateTime, LargeBinary, String, Text, Time
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from kobo_mirror.database.dialects import all_dialects, dialect_of
from kobo_mirror.database.dialects.base import ColumnTypes

T = TypeVar("T")


def _type(general: TypeEngine[T], of: Callable[[ColumnTypes], TypeEngine[T] | None]) -> TypeEngine[T]:
    for dialect in all_dialects():
        if (own := of(dialect.types)) is not None:
            general = general.with_variant(own, *dialect.names)
    return general


def ascii_text(length: int) -> TypeEngine[str]:
    """Return the type of uids and uuids: ASCII, compared byte by byte.

    :param length: characters at most.
    """
    return _type(String(length), lambda types: types.ascii_text and types.ascii_text(length))


def exact_text(length: int) -> TypeEngine[str]:
    """Return the type of names and keys: any characters, compared byte by byte.

    :param length: characters at most.
    """
    return _type(String(length), lambda types: types.exact_text and types.exact_text(length))


MOMENT = _type(DateTime(), lambda types: types.moment)
"""A time in UTC to the microsecond, without a time zone."""
LONG_TEXT = _type(Text(), lambda types: types.long_text)
"""A text of any length."""
LONG_BLOB = _type(LargeBinary(), lambda types: types.long_blob)
"""Bytes of any number."""
SERIAL = _type(BigInteger(), lambda types: types.serial)
"""The key that the database counts up."""
ANSWER = _type(Text(), lambda types: types.answer)
"""A text of up to 16 MB, compared byte by byte."""
MILLISECONDS = _type(DateTime(), lambda types: types.milliseconds)
"""A time in UTC to the millisecond, without a time zone."""
TIME_OF_DAY = _type(Time(), lambda types: types.time_of_day)
"""A time of day to the millisecond."""

OPTIONS: dict[str, Any] = {
    option: value for dialect in all_dialects() for option, value in dialect.table_options.items()
}
"""Options of each table of ours, for every dialect at once: SQLAlchemy tells them apart by their prefixes."""


class MomentDefault(FunctionElement[datetime]):
    """The default of a column that holds when its row was made: the database's clock.

    :param moves: the column holds when its row was last changed, see ``Dialect.moving_trigger``.
    """

    type = DateTime()
    inherit_cache = False

    def __init__(self, *, moves: bool = False) -> None:
        super().__init__()
        self.moves = moves


@compiles(MomentDefault)
def _moment_default(element: MomentDefault, compiler: Any, **_: Any) -> str:
    return dialect_of(compiler).moment_default(moves=element.moves)
