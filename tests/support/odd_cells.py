"""A table with a column of each type that our rows have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.mysql import LONGTEXT

from kobo_mirror.database.column_types import ANSWER, MILLISECONDS, MOMENT, OPTIONS, TIME_OF_DAY

ODD_CELLS = Table(
    "odd_cells", MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("text", Text().with_variant(LONGTEXT(), "mysql", "mariadb")),
    Column("bytes", LargeBinary),
    Column("day", Date),
    Column("moment", MOMENT),
    Column("number", Integer),
    Column("flag", Boolean),
    Column("double", Double),
    Column("clock", TIME_OF_DAY),
    Column("milliseconds", MILLISECONDS),
    Column("answer", ANSWER),
    **OPTIONS,
)  # fmt: skip
COLUMNS = tuple(column.name for column in ODD_CELLS.columns)
