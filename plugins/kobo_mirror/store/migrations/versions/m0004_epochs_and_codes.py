"""Epochs, codes that confirm lists of deletes, rejected columns, and the form of a dead letter."""

from __future__ import annotations

import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MYSQLS = ("mysql", "mariadb")
OPTIONS: dict[str, Any] = {
    "if_not_exists": True,  # a migration that was killed halfway is simply finished
    "mysql_charset": "utf8mb4",
    "mariadb_charset": "utf8mb4",
    "mysql_engine": "InnoDB",
    "mariadb_engine": "InnoDB",
}
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *MYSQLS)
LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), *MYSQLS)

# An installation whose form was once read from the start goes on as it was; the count at the end of each run
# tells whether its rows are all there.
READ_FROM_THE_START = (
    "UPDATE kobo_forms SET epoch_read = 1 WHERE epoch_read = 0 AND asset_uid IN "
    "(SELECT asset_uid FROM kobo_sync_runs WHERE finished_at IS NOT NULL AND mode <> 'repair')"
)
# A dead letter that was taken keeps no body any more.
EMPTY_TAKEN_LETTERS = "UPDATE kobo_dead_letters SET body = x'' WHERE replayed_at IS NOT NULL"
_COLUMN = re.compile(r"(?:^|; )(\w+): the answer to ")  # how reasons named their columns up to this revision


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), *MYSQLS
    )


def upgrade() -> None:
    _add(
        "kobo_forms",
        sa.Column("epoch", sa.Integer, nullable=False, server_default="1"),
        sa.Column("epoch_read", sa.Integer, nullable=False, server_default="0"),
        sa.Column("id_strings", LONG_TEXT),
    )
    _add("kobo_submissions", sa.Column("epoch", sa.Integer, nullable=False, server_default="1"))
    _add(
        "kobo_sync_runs",
        sa.Column("epoch", sa.Integer, nullable=False, server_default="1"),
        sa.Column("waiting_code", ascii_text(12)),
        sa.Column("failure", ascii_text(40)),
        sa.Column("count_difference", sa.BigInteger),
        sa.Column("sees_part", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("history_gap", sa.Boolean, nullable=False, server_default="0"),
    )
    _add("kobo_dead_letters", sa.Column("asset_uid", ascii_text(40)))
    _add("kobo_rejections", sa.Column("column_names", LONG_TEXT))
    op.create_table(
        "kobo_codes",
        sa.Column("code", ascii_text(12), primary_key=True),
        sa.Column("asset_uid", ascii_text(40), nullable=False),
        sa.Column("kind", ascii_text(10), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.Column("settled_at", MOMENT),
        **OPTIONS,
    )
    op.create_table(
        "kobo_code_ids",
        sa.Column("code", ascii_text(12), primary_key=True),
        sa.Column("kobo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        **OPTIONS,
    )
    op.execute(READ_FROM_THE_START)
    op.execute(EMPTY_TAKEN_LETTERS)
    _name_rejected_columns()


def _add(table: str, *columns: sa.Column[Any]) -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in there:
            op.add_column(table, column)


def _name_rejected_columns() -> None:
    submissions = sa.table("kobo_submissions", *map(sa.column, ("asset_uid", "kobo_id", "state", "reason")))
    listed = sa.table("kobo_rejections", *map(sa.column, ("asset_uid", "kobo_id", "column_names")))
    bind = op.get_bind()
    query = sa.select(submissions.c.asset_uid, submissions.c.kobo_id, submissions.c.reason)
    rows = bind.execute(query.where(submissions.c.state == "rejected")).all()
    for asset_uid, kobo_id, reason in rows:
        mine = (listed.c.asset_uid == asset_uid) & (listed.c.kobo_id == kobo_id)
        names = json.dumps(_COLUMN.findall(reason or ""))
        bind.execute(sa.update(listed).where(mine).values(column_names=names))


def downgrade() -> None:
    op.drop_table("kobo_code_ids", if_exists=True)
    op.drop_table("kobo_codes", if_exists=True)
    for table, columns in (
        ("kobo_rejections", ("column_names",)),
        ("kobo_dead_letters", ("asset_uid",)),
        (
            "kobo_sync_runs",
            ("epoch", "waiting_code", "failure", "count_difference", "sees_part", "history_gap"),
        ),
        ("kobo_submissions", ("epoch",)),
        ("kobo_forms", ("epoch", "epoch_read", "id_strings")),
    ):
        for column in columns:
            op.drop_column(table, column)
