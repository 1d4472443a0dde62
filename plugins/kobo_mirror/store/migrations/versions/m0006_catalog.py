"""The catalog of derived forms: their tables, columns, choices and versions, rejected cells, and schemas."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from kobo_mirror.errors import SchemaError

revision = "0006"
down_revision = "0005"
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
EXACT: dict[str, str] = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *MYSQLS)
LONG_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), *MYSQLS)
EXACT_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(**EXACT), *MYSQLS)
FORM_KEY = "uq_kobo_forms_asset_uid"


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), *MYSQLS
    )


def exact_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(mysql.VARCHAR(length, **EXACT), *MYSQLS)


def upgrade() -> None:
    _require_one_row_a_form()
    _widen_forms()
    op.create_table(
        "kobo_tables",
        sa.Column("asset_uid", ascii_text(40), nullable=False),
        sa.Column("table_name", exact_text(64), primary_key=True),
        sa.Column("kind", ascii_text(10), nullable=False),
        sa.Column("path", EXACT_TEXT, nullable=False),
        sa.Column("parent_table", exact_text(64)),
        sa.Column("label", EXACT_TEXT),
        sa.Column("rows_table", exact_text(64)),
        sa.Column("rows_column", exact_text(64)),
        sa.Column("status", ascii_text(10), nullable=False),
        **OPTIONS,
    )
    op.create_table(
        "kobo_columns",
        sa.Column("asset_uid", ascii_text(40), nullable=False),
        sa.Column("table_name", exact_text(64), primary_key=True),
        sa.Column("column_name", exact_text(64), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("path", EXACT_TEXT, nullable=False),
        sa.Column("facet", ascii_text(20), nullable=False),
        sa.Column("question_type", EXACT_TEXT),
        sa.Column("kind", ascii_text(10), nullable=False),
        sa.Column("list_name", EXACT_TEXT),
        sa.Column("label", EXACT_TEXT),
        sa.Column("labels", EXACT_TEXT),
        sa.Column("hint", EXACT_TEXT),
        sa.Column("first_version", ascii_text(80)),
        sa.Column("last_version", ascii_text(80)),
        sa.Column("status", ascii_text(10), nullable=False),
        **OPTIONS,
    )
    op.create_table(
        "kobo_choices",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("key_hash", sa.BINARY(16), primary_key=True),
        sa.Column("list_name", EXACT_TEXT, nullable=False),
        sa.Column("name", EXACT_TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("label", EXACT_TEXT),
        sa.Column("labels", EXACT_TEXT),
        sa.Column("first_version", ascii_text(80)),
        sa.Column("last_version", ascii_text(80)),
        **OPTIONS,
    )
    op.create_table(
        "kobo_form_versions",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("uid", ascii_text(80), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("deployed_at", MOMENT),
        sa.Column("content_hash", ascii_text(80)),
        sa.Column("content", LONG_BLOB, nullable=False),
        **OPTIONS,
    )
    op.create_table(
        "kobo_rejected_cells",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("kobo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key_hash", sa.BINARY(16), primary_key=True),
        sa.Column("table_name", exact_text(64), nullable=False),
        sa.Column("pos", ascii_text(255), nullable=False),
        sa.Column("column_name", exact_text(64), nullable=False),
        sa.Column("path", EXACT_TEXT, nullable=False),
        sa.Column("value", EXACT_TEXT, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        **OPTIONS,
    )


def _widen_forms() -> None:
    """Let a form table have any name, a form one row, and that row the form's schema."""
    inspector = sa.inspect(op.get_bind())
    _set_name_type(exact_text(64))
    there = {column["name"] for column in inspector.get_columns("kobo_forms")}
    for column in (
        sa.Column("name", EXACT_TEXT),
        sa.Column("schema", EXACT_TEXT),
        sa.Column("intended_schema", EXACT_TEXT),
        sa.Column("schema_fingerprint", sa.BINARY(16)),
        sa.Column("paths_to_promote", EXACT_TEXT),
        sa.Column("deployed_version", ascii_text(80)),
        sa.Column("refreshed_at", MOMENT),
    ):
        if column.name not in there:
            op.add_column("kobo_forms", column)
    if FORM_KEY not in {index["name"] for index in inspector.get_indexes("kobo_forms")}:
        op.create_index(FORM_KEY, "kobo_forms", ["asset_uid"], unique=True)


def _set_name_type(kind: sa.types.TypeEngine[str]) -> None:
    """Change the type of the form table's name; SQLite, where it is the same, changes none."""
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("kobo_forms", "form_table", type_=kind, existing_nullable=False, nullable=False)


def _require_one_row_a_form() -> None:
    forms = sa.table("kobo_forms", sa.column("form_table"), sa.column("asset_uid"))
    rows = op.get_bind().execute(sa.select(forms.c.asset_uid, forms.c.form_table).order_by(*forms.c)).all()
    for asset_uid in sorted({uid for uid, _ in rows}):
        tables = [name for uid, name in rows if uid == asset_uid]
        if len(tables) > 1:
            raise SchemaError(
                f"kobo_forms has form {asset_uid} for several tables ({', '.join(tables)}): delete the rows "
                "of those that are no longer filled, then run `python -m kobo_mirror migrate` again."
            )


def downgrade() -> None:
    for table in ("rejected_cells", "form_versions", "choices", "columns", "tables"):
        op.drop_table(f"kobo_{table}", if_exists=True)
    op.drop_index(FORM_KEY, "kobo_forms")
    for column in (
        "refreshed_at",
        "deployed_version",
        "paths_to_promote",
        "schema_fingerprint",
        "intended_schema",
        "schema",
        "name",
    ):
        op.drop_column("kobo_forms", column)
    _set_name_type(ascii_text(64))
