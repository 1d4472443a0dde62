"""A view that was dropped or changed by hand is named, by light and by verify, and made anew by a sync."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine, inspect, make_url, text

from kobo_mirror.database.engine import open_engine, reading
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import check_views
from kobo_mirror.store.overview import MirrorState, read_state
from kobo_mirror.store.overview_of_all import read_states
from kobo_mirror.store.view_catalog import altered_views
from kobo_mirror.store.views import bring_up_views
from tests.support.database_server import DatabaseServer
from tests.support.forms.applied import Applying
from tests.support.forms.hostile import content, hostile
from tests.support.forms.judging import UID
from tests.support.forms.row_set_writing import forget
from tests.support.forms.surveys import V1
from tests.support.forms.views_made import again, is_server, made, views
from tests.support.tables import run_sql

OTHERWISE = "CREATE VIEW survey__full AS SELECT * FROM survey WHERE kobo_id > 1"


def altered(engine: Engine) -> tuple[str, ...]:
    """The views that the form's state names, which that of all forms does, too."""
    with reading(engine) as connection:
        one = read_state(connection, KOBO_RECORDS, UID)
        among_all = read_states(connection, KOBO_RECORDS)[UID]
    assert isinstance(among_all, MirrorState)
    assert among_all.views_altered == one.views_altered
    assert one.views_altered == () or not one.views_due
    return one.views_altered


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP VIEW survey__full"],
        ["DROP VIEW survey__full", "CREATE VIEW survey__full AS SELECT kobo_id FROM survey"],
        ["DROP VIEW survey__full", OTHERWISE],
        ["DROP VIEW survey__full", "CREATE TABLE survey__full (x INTEGER)"],
        ["DROP VIEW survey__full", OTHERWISE, "DROP VIEW survey__members__full"],
    ],
)
def test_what_was_changed_is_named_and_made_again(applying: Applying, statements: list[str]) -> None:
    engine = applying.engine
    assert made(applying, V1) is None
    assert altered(engine) == ()
    run_sql(engine, *statements)
    both = ("survey__full", "survey__members__full")
    assert altered(engine) == (both if len(statements) == 3 else both[:1])
    with reading(engine) as connection, pytest.raises(SchemaError) as raised:
        check_views(connection, UID)
    assert (
        f"dropped or changed by hand, or cannot be read any more ({', '.join(altered(engine))}): run"
        in str(raised.value)
    )
    if "TABLE" in statements[-1]:
        run_sql(engine, "DROP TABLE survey__full")
    assert again(applying) is None
    assert altered(engine) == ()
    with reading(engine) as connection:
        check_views(connection, UID)


def test_a_view_that_reads_with_the_rights_of_its_maker_is_another_one(applying: Applying) -> None:
    engine = applying.engine
    assert made(applying, V1) is None
    if not is_server(engine):
        return
    with engine.connect() as connection:
        shown = connection.execute(text("SHOW CREATE VIEW survey__full")).one()[1]
    run_sql(engine, "DROP VIEW survey__full", shown.replace("SECURITY INVOKER", "SECURITY DEFINER", 1))
    assert altered(engine) == ("survey__full",)


def test_a_view_that_could_not_be_made_is_none_that_was_changed(applying: Applying) -> None:
    engine = applying.engine
    run_sql(engine, "CREATE VIEW survey__full AS SELECT 1 AS x")
    try:
        assert made(applying, V1)
        assert altered(engine) == ()
    finally:
        run_sql(engine, "DROP VIEW survey__full")


def test_a_database_that_was_restored_under_another_name_is_as_it_was(
    server: DatabaseServer, server_engine: Engine
) -> None:
    """As ``mysqldump`` does it: tables, rows, and views as SHOW CREATE VIEW has them."""
    applying = Applying(server_engine)
    try:
        source, url = server_engine.url.database, server.fresh_database()
        schema = hostile(content({"script": f"Like `{source}`."}))
        applying.apply(schema)
        assert bring_up_views(server_engine, schema, applying.lease) is None
        with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            for name in inspect(server_engine).get_table_names():
                connection.execute(text(f"CREATE TABLE `{name}` LIKE `{source}`.`{name}`"))
            connection.execute(text(f"INSERT INTO kobo_tables SELECT * FROM `{source}`.kobo_tables"))
            with server_engine.connect() as original:
                names = sorted(views(server_engine))
                for name in names:
                    shown = original.execute(text(f"SHOW CREATE VIEW {name}")).one()[1]
                    connection.execute(text(shown.replace(":", r"\:")))
            there = inspect(connection).get_view_names()
        restored = open_engine(url)
        with reading(restored) as connection:
            found = altered_views(connection, [UID])
        restored.dispose()
        # MariaDB keeps the name of the database in what reads JSON_TABLE: a copy is another view.
        assert ({*there}, found) == ({*names}, {UID: ("survey__choices",)})
        server.drop_database(url)
    finally:
        forget(applying)


def test_a_view_that_can_be_read_no_more_is_named_as_one_that_is_missing(
    server: DatabaseServer, server_engine: Engine
) -> None:
    applying = Applying(server_engine)
    user = "'analyst'@'%'"
    try:
        assert made(applying, V1) is None
        on = f"`{server_engine.url.database}`.*"
        server.run(f"CREATE USER {user} IDENTIFIED BY 'made-up'", f"GRANT SELECT ON {on} TO {user}")
        reader = open_engine(make_url(server_engine.url).set(username="analyst", password="made-up"))
        with reading(reader) as connection:
            assert altered_views(connection, [UID]) == {UID: ("survey__full", "survey__members__full")}
        server.run(f"GRANT SHOW VIEW ON {on} TO {user}")
        reader.dispose()  # rights are read as a connection begins
        with reading(reader) as connection:
            assert altered_views(connection, [UID]) == {}
        run_sql(server_engine, "DROP VIEW survey__full")
        with reading(reader) as connection:
            assert altered_views(connection, [UID]) == {UID: ("survey__full",)}
        reader.dispose()
    finally:
        server.run(f"DROP USER IF EXISTS {user}")
        forget(applying)
