from __future__ import annotations

import threading
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text

from kobo_mirror.database.engine import clock, open_engine, reading, transact
from kobo_mirror.errors import ConfigurationError, DatabaseError, KoboMirrorError, SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store import dead_letters
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import at_head, migrate
from kobo_mirror.store.writer import Writer
from tests.support.database_server import DatabaseServer
from tests.support.drivers import DRIVERS
from tests.support.submissions import MIRROR, body, submission

SECRET = "Uwimana-0788"
BROKEN = (
    "SELECT '{}' FROM",
    "INSERT INTO kobo_records (id, client_name) VALUES ('{0}', '{0}')",
    "INSERT INTO kobo_forms (form_table, server, asset_uid, bound_at) VALUES (NULL, '{}', 'a', 'b')",
    "SELECT nosuchfunction('{}')",
)


def told(error: KoboMirrorError) -> str:
    """Everything that a log could show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("statement", [broken.format(SECRET) for broken in BROKEN])
def test_no_word_of_the_driver_is_in_an_error(engine: Engine, statement: str) -> None:
    for using in (
        lambda: transact(engine, lambda c: c.execute(text(statement))),
        lambda: _read(engine, statement),
    ):
        with pytest.raises(DatabaseError) as caught:
            using()
        assert str(caught.value).startswith("The database could not take it: ")
        assert SECRET not in told(caught.value)


def _read(engine: Engine, statement: str) -> None:
    with reading(engine) as connection:
        connection.execute(text(statement))


def test_a_text_that_no_column_takes_is_in_no_error(server_engine: Engine) -> None:
    statement = text(
        "INSERT INTO kobo_forms (form_table, server, asset_uid, bound_at) VALUES (:a, :b, :c, NOW())"
    )
    for values in ({"a": SECRET, "b": SECRET * 50, "c": "x"}, {"a": SECRET, "b": "x", "c": f"{SECRET}é"}):
        with pytest.raises(DatabaseError) as caught:
            transact(server_engine, lambda c, values=values: c.execute(statement, values))  # type: ignore[misc]
        assert SECRET not in told(caught.value)


def test_old_tables_are_told_from_a_database_in_trouble(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    writer = Writer(engine, MIRROR)
    for using in (
        lambda: writer.push(body(submission(1))),
        lambda: dead_letters.keep(engine, body=b"x", source="webhook", reason="no JSON"),
    ):
        with pytest.raises(SchemaError, match="run `python -m kobo_mirror migrate`"):
            using()
    assert at_head(engine, KOBO_RECORDS) is False
    engine.dispose()


def test_a_column_that_is_missing_is_an_old_schema(engine: Engine) -> None:
    with pytest.raises(SchemaError):
        transact(engine, lambda connection: connection.execute(text("SELECT nosuchcolumn FROM kobo_forms")))


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("port", 1, "cannot be reached"),
        ("password", SECRET, "refused the user or the password"),
        ("username", SECRET, "refused the user or the password"),
        ("database", "nosuchdatabase", "does not exist"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_one_clear_sentence(
    server: DatabaseServer, driver: str, part: str, value: Any, said: str
) -> None:
    url = make_url(server.url("mysql", driver=driver))
    wrong = url.set(port=value) if part == "port" else url.set(**{part: value})
    engine = open_engine(wrong, patience=2)
    for using in (lambda: clock(engine), lambda: Writer(engine, MIRROR).push(body(submission(1)))):
        with pytest.raises(DatabaseError, match=said) as caught:
            using()
        assert SECRET not in told(caught.value)
        assert (url.password or "?") not in str(caught.value)
    engine.dispose()


def test_a_file_that_is_no_database_of_ours(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text(f"{SECRET}, not a database; " * 100)
    (tmp_path / "folder.sqlite").mkdir()
    for name, said in (
        ("text.sqlite", "SQLite says 'file is not a database'"),
        ("folder.sqlite", "SQLite says 'unable to open database file'"),
        ("nosuchfolder/mirror.sqlite", "SQLite says 'unable to open database file'"),
    ):
        engine = open_engine(f"sqlite:///{tmp_path / name}", patience=1)
        with pytest.raises(DatabaseError, match=said) as caught:
            at_head(engine, KOBO_RECORDS)
        assert SECRET not in told(caught.value)
        engine.dispose()


def test_a_file_that_is_read_only(tmp_path: Path) -> None:
    made = open_engine(f"sqlite:///{tmp_path / 'mirror.sqlite'}")
    migrate(made, KOBO_RECORDS)
    bind(made, MIRROR)
    made.dispose()
    closed = open_engine(f"sqlite:///file:{tmp_path / 'mirror.sqlite'}?mode=ro&uri=true")
    with pytest.raises(DatabaseError, match=r"SQLite says '.*readonly database': give this user the right"):
        Writer(closed, MIRROR).push(body(submission(1)))
    closed.dispose()


@pytest.mark.parametrize("address", ["postgresql://host/kobo", "nosense", "mysql+nosuchdriver://host/kobo"])
def test_another_kind_of_database_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError):
        open_engine(address)


def test_the_clock_is_in_utc_and_has_six_digits(engine: Engine) -> None:
    moments = [clock(engine) for _ in range(20)]
    assert moments == sorted(moments)
    assert any(moment.microsecond % 1000 for moment in moments)
    assert abs(datetime.now(UTC).replace(tzinfo=None) - moments[-1]) < timedelta(seconds=5)


def test_readers_do_not_wait_for_a_writer(engine: Engine) -> None:
    bind(engine, MIRROR)
    Writer(engine, MIRROR).push(body(submission(1)))
    with engine.begin() as writer:
        writer.execute(text("UPDATE kobo_submissions SET submitted_by = 'x'"))
        found: list[Any] = []

        def read() -> None:
            with reading(engine) as connection:
                found.append(
                    connection.execute(text("SELECT submitted_by FROM kobo_submissions")).scalar_one()
                )

        thread = threading.Thread(target=read)
        thread.start()
        thread.join(5)
        assert found == ["meg"]
