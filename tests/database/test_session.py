"""Whatever a server's defaults are, the session sets what the mirror relies on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from kobo_mirror.database.dialects.mysql import session_variables
from kobo_mirror.database.dialects.mysql.session_variables import VARIABLES
from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from kobo_mirror.sync.source import no_progress
from kobo_mirror.sync.verify import verify
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer, own_server
from tests.support.drivers import DRIVERS
from tests.support.mirroring import Mirroring
from tests.support.tables import records

HOSTILE = {
    "alter_algorithm": "'INSTANT'",
    "completion_type": "'RELEASE'",
    "default_storage_engine": "MyISAM",
    "div_precision_increment": "0",
    "foreign_key_checks": "0",
    "group_concat_max_len": "10",
    "idle_readonly_transaction_timeout": "1",
    "idle_transaction_timeout": "1",
    "idle_write_transaction_timeout": "1",
    "innodb_lock_wait_timeout": "1000",
    "lc_time_names": "'de_DE'",
    "lock_wait_timeout": "1000",
    "max_execution_time": "1",
    "max_session_mem_used": "100000",
    "max_sort_length": "10",
    "max_statement_time": "0.000001",
    "net_read_timeout": "1",
    "net_write_timeout": "1",
    "parser_max_mem_size": "10000000",
    "range_optimizer_max_mem_size": "1",
    "sort_buffer_size": "1024",
    "sql_auto_is_null": "1",
    "sql_big_selects": "0",
    "sql_mode": "'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'",
    "sql_quote_show_create": "0",
    "sql_safe_updates": "1",
    "sql_select_limit": "10",
    "time_zone": "'+05:45'",
    "tmp_disk_table_size": "1024",
    "transaction_read_only": "1",
    "tx_read_only": "1",
    "unique_checks": "0",
    "wait_timeout": "1",
    "wsrep_dirty_reads": "1",
}
"""A value that breaks or changes something, of each variable that the session sets."""

ELSEWHERE = {
    "autocommit": "0",
    "character_set_client": "latin1",
    "character_set_connection": "latin1",
    "character_set_results": "latin1",
    "character_set_server": "latin1",
    "collation_connection": "latin1_bin",
    "init_connect": "'SET autocommit = 0, sql_select_limit = 1, completion_type = 2, NAMES latin1'",
    "max_join_size": "1",
    "read_buffer_size": "8192",
}
"""Of others that are settled in another way, or must not matter."""


@pytest.fixture(scope="module")
def database() -> Iterator[DatabaseServer]:
    with own_server() as server:
        server.run("CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'made-up'")
        yield server


@contextmanager
def hostile(database: DatabaseServer, name: str, value: str) -> Iterator[None]:
    """A server's default for new sessions; what it was, is set again."""
    engine = create_engine(database.url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        before = connection.execute(text(f"SELECT @@global.{name}")).scalar_one()
        connection.execute(text(f"SET GLOBAL {name} = {value}"))
        try:
            yield
        finally:
            connection.execute(text(f"SET GLOBAL {name} = :before"), {"before": before})


@pytest.fixture
def plain_url(database: DatabaseServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database for a user who has no right over the server."""
    url = make_url(database.fresh_database(driver=getattr(request, "param", "pymysql")))
    database.run(f"GRANT ALL ON `{url.database}`.* TO 'plain'@'127.0.0.1'")
    plain = url.set(username="plain", password="made-up")
    yield plain.render_as_string(hide_password=False)
    database.drop_database(database.url(url.database or ""))


def of_this_kind(database: DatabaseServer) -> set[str]:
    return {variable.name for variable in VARIABLES if variable.only in ("", database.kind)}


def test_each_variable_has_a_hostile_value_and_a_reason() -> None:
    assert {variable.name for variable in VARIABLES} == set(HOSTILE)
    assert all(variable.why for variable in VARIABLES)
    assert len({(variable.name, variable.only) for variable in VARIABLES}) == len(VARIABLES)


@pytest.mark.parametrize("name", [*HOSTILE, *ELSEWHERE])
def test_a_hostile_default_of_the_server_changes_nothing(
    database: DatabaseServer, simulator: SimulatorProcess, plain_url: str, name: str
) -> None:
    if name in HOSTILE and name not in of_this_kind(database):
        assert next(v.only for v in VARIABLES if v.name == name) != database.kind
        return
    with hostile(database, name, (HOSTILE | ELSEWHERE)[name]):
        assert_exact(simulator, plain_url)


def assert_exact(simulator: SimulatorProcess, url: str) -> None:
    """A first sync brings all, a second one nothing, and the proof sees every cell."""
    engine = open_engine(url, several=True)
    migrate(engine, KOBO_RECORDS)
    mirroring = Mirroring(simulator, url, engine, [])
    assert mirroring.sync()["inserted"] == 300
    assert mirroring.sync(mode="exact")["inserted"] == 0
    with mirroring.client() as client:
        report = verify(client, engine, mirroring.mirror, no_progress, full=True)
    assert (report.equal, report.compared) == (True, 300)
    assert len(records(engine)) == 300
    engine.dispose()


@pytest.mark.parametrize("plain_url", DRIVERS, indirect=True)
def test_every_session_variable_that_we_rely_on_is_set(database: DatabaseServer, plain_url: str) -> None:
    engine = open_engine(plain_url, patience=7)
    with engine.connect() as connection:
        for variable in VARIABLES:
            if variable.only in ("", database.kind):
                value = "7" if variable.value is None else str(variable.value)
                assert shown(connection.execute(text(f"SELECT @@session.{variable.name}")).scalar_one()) in (
                    value,
                    {"0": "NO_CHAIN"}.get(value, value),
                ), variable.name
        names = "character_set_client", "character_set_results", "collation_connection", "autocommit"
        row = connection.execute(text(f"SELECT {', '.join(f'@@session.{name}' for name in names)}")).one()
        assert tuple(row) == ("utf8mb4", "utf8mb4", "utf8mb4_bin", 0)
        isolation = "transaction_isolation" if database.kind == "mysql" else "tx_isolation"
        level = connection.execute(text(f"SELECT @@session.{isolation}")).scalar_one()
        assert level == "READ-COMMITTED"
    engine.dispose()


def shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_a_variable_that_a_server_does_not_know_is_left_out(
    server_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = VARIABLES[0]._replace(name="of_another_century", value=1)
    monkeypatch.setattr(session_variables, "VARIABLES", (unknown, *VARIABLES))
    server_engine.dispose()
    with server_engine.connect() as connection:
        row = connection.execute(text("SELECT @@sql_select_limit, @@time_zone, @@collation_connection")).one()
    assert tuple(row) == (18446744073709551615, "+00:00", "utf8mb4_bin")


def test_a_statement_of_the_user_s_own_comes_before_ours(plain_url: str) -> None:
    own = make_url(plain_url).update_query_dict(
        {"init_command": "SET @mine = 7, sql_mode = 'ANSI', sql_select_limit = 3"}
    )
    engine = open_engine(own)
    with engine.connect() as connection:
        row = connection.execute(text("SELECT @mine, @@sql_select_limit")).one()
    assert tuple(row) == (7, 18446744073709551615)
    engine.dispose()
