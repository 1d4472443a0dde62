"""The ledger, the fetch list, dead letters, leases, runs and registrations."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
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
LONG_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), *MYSQLS)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), *MYSQLS
    )


def upgrade() -> None:
    op.create_table(
        "kobo_forms",
        sa.Column("form_table", ascii_text(64), primary_key=True),
        sa.Column("server", sa.String(255), nullable=False),
        sa.Column("asset_uid", ascii_text(40), nullable=False),
        sa.Column("fingerprint", sa.BINARY(16), nullable=False),
        sa.Column("bound_at", MOMENT, nullable=False),
        **OPTIONS,
    )
    op.create_table(
        "kobo_submissions",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("kobo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uuid", ascii_text(80)),
        sa.Column("root_uuid", ascii_text(80)),
        sa.Column("previous_uuid", ascii_text(80)),
        sa.Column("form_version", ascii_text(80)),
        sa.Column("submission_time", sa.DateTime),
        sa.Column("submitted_by", sa.String(255)),
        sa.Column("validation_status", ascii_text(80)),
        sa.Column("validation_timestamp", sa.BigInteger),
        sa.Column("digest", sa.BINARY(16)),
        sa.Column("row_digest", sa.BINARY(16)),
        sa.Column("payload", LONG_TEXT),
        sa.Column("state", ascii_text(8), nullable=False),
        sa.Column("reason", sa.String(500)),
        sa.Column("pushed_at", MOMENT),
        sa.Column("first_seen_at", MOMENT, nullable=False),
        sa.Column("deleted_at", MOMENT),
        **OPTIONS,
    )
    op.create_table(
        "kobo_to_fetch",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("kind", ascii_text(4), primary_key=True),
        sa.Column("ref", ascii_text(80), primary_key=True),
        sa.Column("reason", sa.String(100), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        **OPTIONS,
    )
    op.create_table(
        "kobo_dead_letters",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("body", LONG_BLOB, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("replayed_at", MOMENT),
        **OPTIONS,
    )
    op.create_table(
        "kobo_leases",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("holder", sa.String(255)),
        sa.Column("fencing_number", sa.BigInteger, nullable=False),
        sa.Column("since", MOMENT),
        sa.Column("renewed_at", MOMENT),
        **OPTIONS,
    )
    op.create_table(
        "kobo_checkpoints",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("lane", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first_id", sa.BigInteger, nullable=False),
        sa.Column("last_id", sa.BigInteger),
        sa.Column("cursor_id", sa.BigInteger, nullable=False),
        sa.Column("done_at", MOMENT),
        **OPTIONS,
    )
    counts: tuple[str, ...] = ("rows_read", "inserted", "updated", "unchanged", "stale", "deferred")
    counts += ("deleted", "revived", "rejected", "requests", "bytes")
    op.create_table(
        "kobo_sync_runs",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("asset_uid", ascii_text(40), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("mode", ascii_text(8), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("watermark", sa.BigInteger),
        sa.Column("highest_id", sa.BigInteger),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in counts),
        sa.Column("sweep_found", sa.BigInteger),
        sa.Column("history", ascii_text(30)),
        sa.Column("history_found", sa.BigInteger),
        sa.Column("history_until", sa.DateTime),
        sa.Column("confirmed", ascii_text(16)),
        sa.Column("error", sa.String(500)),
        **OPTIONS,
    )
    proven = ("compared", "missing", "extra", "stale", "different", "rejected")
    op.create_table(
        "kobo_proofs",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("asset_uid", ascii_text(40), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in proven),
        **OPTIONS,
    )
    op.create_table(
        "kobo_registrations",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("endpoint", ascii_text(500), primary_key=True),
        sa.Column("way", ascii_text(20), nullable=False),
        sa.Column("hook_uid", ascii_text(80)),
        sa.Column("secret_fingerprint", ascii_text(16), nullable=False),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.Column("failures_read_until", MOMENT),
        **OPTIONS,
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    replace, unless = ("", "IF NOT EXISTS ") if is_sqlite else ("OR REPLACE ", "")
    op.execute(
        f"CREATE {replace}VIEW {unless}kobo_rejected AS "  # noqa: S608  # nothing in it is input
        "SELECT asset_uid, kobo_id, reason, submission_time, first_seen_at, payload "
        "FROM kobo_submissions WHERE state = 'rejected'"
    )


def downgrade() -> None:
    op.execute("DROP VIEW kobo_rejected")
    for table in (
        "registrations",
        "proofs",
        "sync_runs",
        "checkpoints",
        "leases",
        "dead_letters",
        "to_fetch",
        "submissions",
        "forms",
    ):
        op.drop_table(f"kobo_{table}")
