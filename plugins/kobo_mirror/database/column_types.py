"""Column types, defaults and table options that differ from one kind of database to another."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

OPTIONS: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mariadb_charset": "utf8mb4",
    "mysql_engine": "InnoDB",
    "mariadb_engine": "InnoDB",
}
_MYSQLS = ("mysql", "mariadb")


def ascii_text(length: int) -> TypeEngine[str]:
    """Return the type of uids and uuids: ASCII, compared byte by byte.

    :param length: characters at most.
    """
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), *_MYSQLS
    )


MOMENT = DateTime().with_variant(mysql.DATETIME(fsp=6), *_MYSQLS)
LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), *_MYSQLS)
LONG_BLOB = LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQLS)
SERIAL = BigInteger().with_variant(Integer(), "sqlite")


class MomentDefault(FunctionElement[datetime]):
    """The default of a column that holds when its row was made: the database's clock.

    :param moves: the column also changes with each UPDATE of its row, where the database can declare that.
    """

    type = DateTime()
    inherit_cache = False

    def __init__(self, *, moves: bool = False) -> None:
        super().__init__()
        self.moves = moves


@compiles(MomentDefault, "mysql", "mariadb")
def _default_mysql(element: MomentDefault, compiler: Any, **_: Any) -> str:
    return "CURRENT_TIMESTAMP(6)" + (" ON UPDATE CURRENT_TIMESTAMP(6)" if element.moves else "")


@compiles(MomentDefault, "sqlite")
def _default_sqlite(element: MomentDefault, compiler: Any, **_: Any) -> str:
    return "(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"
