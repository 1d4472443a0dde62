"""The tables of the catalog: what the tables of derived forms, their columns and choices mean."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table
from sqlalchemy.types import BINARY

from kobo_mirror.database.column_types import ANSWER, LONG_BLOB, MOMENT, OPTIONS, ascii_text, exact_text
from kobo_mirror.store import page_tables  # noqa: F401  # who imports this has all of the metadata
from kobo_mirror.store.tables import CODE, TOKEN, UID, metadata

_NAME = exact_text(64)
_WORD = ascii_text(10)

tables = Table(
    "kobo_tables", metadata,
    Column("asset_uid", UID, nullable=False),
    Column("table_name", _NAME, primary_key=True),
    Column("kind", _WORD, nullable=False),
    Column("path", ANSWER, nullable=False),
    Column("parent_table", _NAME),
    Column("label", ANSWER),
    Column("rows_table", _NAME),
    Column("rows_column", _NAME),
    Column("status", _WORD, nullable=False),
    Column("definition", BINARY(16)),
    **OPTIONS,
)  # fmt: skip

columns = Table(
    "kobo_columns", metadata,
    Column("asset_uid", UID, nullable=False),
    Column("table_name", _NAME, primary_key=True),
    Column("column_name", _NAME, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("path", ANSWER, nullable=False),
    Column("facet", ascii_text(20), nullable=False),
    Column("question_type", ANSWER),
    Column("kind", _WORD, nullable=False),
    Column("list_name", ANSWER),
    Column("label", ANSWER),
    Column("labels", ANSWER),
    Column("hint", ANSWER),
    Column("first_version", TOKEN),
    Column("last_version", TOKEN),
    Column("status", _WORD, nullable=False),
    Column("question", ANSWER),
    **OPTIONS,
)  # fmt: skip

view_columns = Table(
    "kobo_view_columns", metadata,
    Column("asset_uid", UID, nullable=False),
    Column("view_name", _NAME, primary_key=True),
    Column("column_name", _NAME, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("facet", ascii_text(20), nullable=False),
    Column("question", ANSWER),
    Column("question_type", ANSWER),
    Column("list_name", ANSWER),
    Column("choice", ANSWER),
    Column("label", ANSWER),
    **OPTIONS,
)  # fmt: skip

choices = Table(
    "kobo_choices", metadata,
    Column("asset_uid", UID, primary_key=True),
    Column("key_hash", BINARY(16), primary_key=True),
    Column("list_name", ANSWER, nullable=False),
    Column("name", ANSWER, nullable=False),
    Column("position", Integer, nullable=False),
    Column("label", ANSWER),
    Column("labels", ANSWER),
    Column("first_version", TOKEN),
    Column("last_version", TOKEN),
    **OPTIONS,
)  # fmt: skip

form_versions = Table(
    "kobo_form_versions", metadata,
    Column("asset_uid", UID, primary_key=True),
    Column("uid", TOKEN, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("deployed_at", MOMENT),
    Column("content_hash", TOKEN),
    Column("content", LONG_BLOB, nullable=False),
    **OPTIONS,
)  # fmt: skip

plans = Table(
    "kobo_plans", metadata,
    Column("code", CODE, primary_key=True),
    Column("asset_uid", UID, nullable=False),
    Column("digest", BINARY(16), nullable=False),
    Column("made_from", BINARY(16)),
    Column("policy", _WORD, nullable=False),
    Column("versions", ANSWER, nullable=False),
    Column("steps", ANSWER, nullable=False),
    Column("noticed_at", MOMENT, nullable=False),
    Column("approved_at", MOMENT),
    Column("declined_at", MOMENT),
    Column("applied_at", MOMENT),
    Column("replaced_at", MOMENT),
    **OPTIONS,
)  # fmt: skip

rejected_cells = Table(
    "kobo_rejected_cells", metadata,
    Column("asset_uid", UID, primary_key=True),
    Column("kobo_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key_hash", BINARY(16), primary_key=True),
    Column("table_name", _NAME, nullable=False),
    Column("pos", ascii_text(255), nullable=False),
    Column("column_name", _NAME, nullable=False),
    Column("path", ANSWER, nullable=False),
    Column("value", ANSWER, nullable=False),
    Column("reason", String(500), nullable=False),
    **OPTIONS,
)  # fmt: skip
