"""The tables as they are in a migrated database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, inspect, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import VERSION_TABLE, migrate

TEXT = ("varchar(255)", "NO", None)


MAYBE_TEXT = ("varchar(255)", "YES", None)


COLUMNS: list[tuple[str, tuple[str, str, str | None]]] = [
    ("id", ("binary(16)", "NO", None)),
    ("kobo_id", ("bigint", "NO", None)),
    ("survey_date", ("date", "YES", None)),
    ("unique_id", TEXT),
    ("country", TEXT),
    ("region", TEXT),
    ("bda_name", TEXT),
    ("cohort", TEXT),
    ("program", TEXT),
    ("client_name", TEXT),
    ("client_id", TEXT),
    ("location", TEXT),
    ("phone", TEXT),
    ("alt_phone", MAYBE_TEXT),
    ("phone_smart_feature", TEXT),
    ("gender", TEXT),
    ("age", ("int", "NO", None)),
    ("nationality", TEXT),
    ("strata", TEXT),
    ("disability", ("varchar(255)", "NO", "No")),
    ("education", TEXT),
    ("client_status", TEXT),
    ("sole_income_earner", ("varchar(255)", "NO", "Yes")),
    ("responsible_people", ("int", "NO", None)),
    ("business_status", TEXT),
    ("business_operating", MAYBE_TEXT),
    ("submission_time", ("datetime", "NO", None)),
    ("inserted_at", ("datetime(6)", "NO", "now")),
    ("updated_at", ("datetime(6)", "NO", "now, moves")),
]


SQLITE_TYPES = {"int": "integer", "datetime(6)": "datetime"}


def described(connection: Connection) -> list[tuple[str, tuple[str, str, str | None]]]:
    """What the database itself says of kobo_records."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(
            text("SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info('kobo_records')")
        )
        moves = connection.execute(text("SELECT sql FROM sqlite_master WHERE type = 'trigger'")).scalar_one()
        assert 'AFTER UPDATE ON "kobo_records"' in moves
        return [
            (name, (kind.lower(), "NO" if required else "YES", _default(default, name)))
            for name, kind, required, default in rows
        ]
    rows = connection.execute(
        text(
            "SELECT column_name, column_type, is_nullable, column_default, extra "
            "FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'kobo_records' "
            "ORDER BY ordinal_position"
        )
    )
    return [
        (name, (_plain(kind), nullable, _default(default, extra.lower())))
        for name, kind, nullable, default, extra in rows
    ]


def _plain(kind: str) -> str:
    return {"bigint(20)": "bigint", "int(11)": "int"}.get(kind, kind)


def _default(default: str | None, extra: str) -> str | None:
    if default is None or default.upper() == "NULL":
        return None
    if "strftime" in default or "current_timestamp" in default.lower():
        return "now, moves" if "on update current_timestamp" in extra or extra == "updated_at" else "now"
    return default.strip("'")


def test_kobo_records_has_its_29_columns_and_nothing_more(engine: Engine) -> None:
    wanted: list[Any] = COLUMNS
    if engine.dialect.name == "sqlite":
        wanted = [(name, (SQLITE_TYPES.get(kind, kind), *rest)) for name, (kind, *rest) in COLUMNS]
    with engine.connect() as connection:
        assert described(connection) == wanted
    assert len(wanted) == 29


def test_the_keys_of_kobo_records(engine: Engine) -> None:
    found = inspect(engine)
    unique = {tuple(key["column_names"]) for key in found.get_unique_constraints("kobo_records")}
    unique |= {tuple(key["column_names"]) for key in found.get_indexes("kobo_records") if key["unique"]}
    plain = {tuple(key["column_names"]) for key in found.get_indexes("kobo_records") if not key["unique"]}
    assert found.get_pk_constraint("kobo_records")["constrained_columns"] == ["id"]
    assert unique == {("kobo_id",)}
    assert plain == {("unique_id",)}


def test_the_ledger_has_no_index_but_its_key(engine: Engine) -> None:
    found = inspect(engine)
    assert found.get_pk_constraint("kobo_submissions")["constrained_columns"] == ["asset_uid", "kobo_id"]
    assert found.get_indexes("kobo_submissions") == []
    assert found.get_unique_constraints("kobo_submissions") == []


def test_everything_is_utf8mb4_and_every_uid_is_compared_byte_by_byte(server_engine: Engine) -> None:
    with server_engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT table_name, column_name, character_set_name, collation_name "
                "FROM information_schema.columns WHERE table_schema = DATABASE() "
                "AND character_set_name IS NOT NULL AND table_name <> :version"
            ),
            {"version": VERSION_TABLE},
        ).all()
        engines = connection.execute(
            text(
                "SELECT DISTINCT engine FROM information_schema.tables WHERE table_schema = DATABASE() "
                "AND table_type = 'BASE TABLE'"
            )
        ).all()
    sets = {(table, column): (charset, collation) for table, column, charset, collation in rows}
    assert {charset for charset, _ in sets.values()} == {"utf8mb4", "ascii"}
    for column in ("asset_uid", "uuid", "root_uuid", "previous_uuid", "form_version", "state"):
        assert sets["kobo_submissions", column] == ("ascii", "ascii_bin")
    assert all(charset == "utf8mb4" for (table, _), (charset, _) in sets.items() if table == "kobo_records")
    assert [name for (name,) in engines] == ["InnoDB"]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE kobo_records (id INTEGER PRIMARY KEY, note VARCHAR(20))",
        "CREATE TABLE kobo_records (" + ", ".join(f"{name} VARCHAR(50)" for name, _ in COLUMNS) + ")",
    ],
    ids=["other columns", "other types"],
)
def test_a_table_of_others_is_refused_and_nothing_is_made(fresh_url: str, statement: str) -> None:
    engine = open_engine(fresh_url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    with pytest.raises(SchemaError, match=r"^The table kobo_records exists with other columns"):
        migrate(engine, KOBO_RECORDS)
    assert inspect(engine).get_table_names() == ["kobo_records"]
    engine.dispose()
