"""The tables that are kept for lists of forms, which no page could count or ask for in time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, String, Table

from kobo_mirror.database.column_types import ANSWER, MOMENT, OPTIONS, ascii_text, exact_text
from kobo_mirror.store.tables import UID, metadata

days = Table(
    "kobo_days", metadata,
    Column("day", Date, primary_key=True),
    Column("asset_uid", UID, primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("submissions", BigInteger, nullable=False),
    **OPTIONS,
)  # fmt: skip

account_forms = Table(
    "kobo_account_forms", metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("server", String(255), nullable=False),
    Column("uid", UID, nullable=False),
    Column("name", ANSWER, nullable=False),
    Column("status", ascii_text(20), nullable=False),
    Column("submissions", BigInteger),
    Column("last_submission", ascii_text(40)),
    Column("owner", String(255)),
    Column("is_mirrored", Boolean, nullable=False),
    Column("form_table", exact_text(64)),
    Column("entry", ANSWER),
    Column("file", String(255), nullable=False),
    Column("is_writable", Boolean, nullable=False),
    Column("listed_at", MOMENT, nullable=False),
    **OPTIONS,
)  # fmt: skip
