from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, event, inspect, text

from kobo_mirror.database.engine import open_engine, reading, transact
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.schema import Mirror
from kobo_mirror.store import overview, schema
from kobo_mirror.store.bindings import epochs_of
from kobo_mirror.store.dead_letters import keep, waiting_letters
from kobo_mirror.store.runs import finish_run
from kobo_mirror.store.schema import VERSION_TABLE, at_head, bind, bound_to, migrate
from kobo_mirror.store.tables import form_table, metadata
from tests.support.processes import migrate_one
from tests.support.submissions import ASSET, MIRROR, SERVER, submission
from tests.support.tables import letters, records
from tests.support.writing import Writing

ROOT = Path(__file__).parents[2]
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
TABLES = {
    "kobo_forms",
    "kobo_submissions",
    "kobo_tallies",
    "kobo_to_fetch",
    "kobo_dead_letters",
    "kobo_leases",
    "kobo_checkpoints",
    "kobo_sync_runs",
    "kobo_registrations",
    "kobo_rejections",
    "kobo_proofs",
    "kobo_server_counts",
    "kobo_codes",
    "kobo_code_ids",
}


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


def test_the_migrations_make_what_the_code_declares(engine: Engine, tmp_path: Path) -> None:
    declared = MetaData()
    for table in (*metadata.tables.values(), form_table(KOBO_RECORDS)):
        table.to_metadata(declared)
    if engine.dialect.name == "sqlite":  # Alembic misreads its types, but it keeps the statements
        other = open_engine(f"sqlite:///{tmp_path / 'declared.sqlite'}")
        declared.create_all(other)
        assert _statements(engine) == _statements(other)
        other.dispose()
    else:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, declared) == []
    assert set(inspect(engine).get_table_names()) == TABLES | {"kobo_records", VERSION_TABLE}
    assert inspect(engine).get_view_names() == ["kobo_rejected"]


def _statements(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql NOT LIKE :version"),
            {"version": f"%{VERSION_TABLE}%"},
        )
        return {"".join(sql.split()).replace("IFNOTEXISTS", "") for (sql,) in rows}


def test_migrating_twice_changes_nothing(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    assert not at_head(engine, KOBO_RECORDS)
    migrate(engine, KOBO_RECORDS)
    assert at_head(engine, KOBO_RECORDS)
    before = _everything(engine)
    migrate(engine, KOBO_RECORDS)
    assert _everything(engine) == before
    engine.dispose()


def _everything(engine: Engine) -> list[Any]:
    found = inspect(engine)
    return [(name, [str(column) for column in found.get_columns(name)]) for name in found.get_table_names()]


def test_several_may_migrate_at_once(fresh_url: str) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        list(processes.map(migrate_one, [fresh_url] * 2))
    engine = open_engine(fresh_url)
    assert at_head(engine, KOBO_RECORDS)
    engine.dispose()


@pytest.mark.parametrize(
    "last",
    [
        "CREATE TABLE.* kobo_leases",
        "CREATE TABLE.* kobo_tallies",
        "ALTER TABLE kobo_forms ADD .*epoch_read",
        "ALTER TABLE kobo_rejections",
        "CREATE TABLE.* kobo_code_ids",
        "CREATE TABLE kobo_records",
    ],
)
def test_a_migration_that_was_killed_halfway_is_finished(fresh_url: str, last: str) -> None:
    engine = open_engine(fresh_url)

    def power_cut(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        if re.search(last, statement):
            raise PowerCutError

    event.listen(engine, "before_cursor_execute", power_cut)
    with pytest.raises(PowerCutError):
        migrate(engine, KOBO_RECORDS)
    event.remove(engine, "before_cursor_execute", power_cut)
    assert not at_head(engine, KOBO_RECORDS)
    migrate(engine, KOBO_RECORDS)
    assert at_head(engine, KOBO_RECORDS)
    engine.dispose()


def test_a_mirror_of_an_older_version_goes_on_as_it_was(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    writing = Writing(engine)
    writing.pull(submission(1), submission(2, age="x", client_name=None), submission(3, phone=None))
    transact(engine, lambda connection: finish_run(connection, writing.run_id))
    for _ in range(2):
        keep(engine, body=b"a letter", source="webhook", reason="no")
    with engine.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        taken = "UPDATE kobo_dead_letters SET replayed_at = received_at WHERE id = 1"  # with its body
        connection.exec_driver_sql(taken)
    assert not at_head(engine, KOBO_RECORDS)
    before = records(engine)
    migrate(engine, KOBO_RECORDS)
    with reading(engine) as connection:
        assert epochs_of(connection, "kobo_records") == (1, 1)
        listed = overview.rejected(connection, ASSET, after=0, limit=9, answers=False)
    assert [(row["kobo_id"], json.loads(row["column_names"])) for row in listed] == [
        (2, ["client_name", "age"]),
        (3, ["phone"]),
    ]
    assert records(engine) == before
    assert writing.pull(submission(1)) == {"rows_read": 1, "unchanged": 1}
    assert [row["body"] for row in letters(engine)] == [b"", b"a letter"]
    with reading(engine) as connection:
        assert waiting_letters(connection, ASSET) == [(2, "no")]  # of no form that is known: of each
        assert waiting_letters(connection, "aOtherForm00000000001") == [(2, "no")]
    engine.dispose()


def test_a_form_that_was_never_read_to_its_end_is_read_after_an_upgrade(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    Writing(engine).pull(submission(1))
    with engine.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
    migrate(engine, KOBO_RECORDS)
    with reading(engine) as connection:
        assert epochs_of(connection, "kobo_records").must_read_all
    engine.dispose()


class PowerCutError(Exception):
    """What no code of ours catches."""


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


def test_a_form_table_mirrors_one_form_for_ever(engine: Engine) -> None:
    assert bound_to(engine, KOBO_RECORDS) is None
    bind(engine, MIRROR)
    bind(engine, MIRROR)
    others = [
        Mirror(KOBO_RECORDS, "https://other.example", ASSET),
        Mirror(KOBO_RECORDS, SERVER, "aOther000000000000001"),
    ]
    for other in others:
        with pytest.raises(SchemaError) as caught:
            bind(engine, other)
        mine, wanted = f"form {ASSET} of {SERVER}", f"{other.asset_uid} of {other.server}"
        advice = "set KOBO_URL and KOBO_ASSET_ID back, or use another database."
        assert str(caught.value) == f"The table kobo_records mirrors {mine}, not {wanted}: {advice}"
    assert bound_to(engine, KOBO_RECORDS) == (SERVER, ASSET)


def test_without_our_tables_nothing_is_bound(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    with pytest.raises(SchemaError, match="run `python -m kobo_mirror migrate`"):
        bind(engine, MIRROR)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    assert ScriptDirectory.from_config(schema._config()).get_heads() == [schema._newest()]


def test_a_command_on_a_migrated_database_does_without_alembic(url: str) -> None:
    """Its import would take a third of the start of a sync."""
    code = (
        "import sys; from kobo_mirror.cli.commands import main; code = main(['migrate']); "
        "sys.exit(code or 'alembic' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT / "plugins"), "DATABASE_URL": url}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
