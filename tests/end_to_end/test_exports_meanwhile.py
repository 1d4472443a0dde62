"""Exports while others write, of tables that others changed, of several forms, and of the declared table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from kobo_mirror.config.policies import AUTO
from kobo_mirror.database.engine import open_engine, snapshot
from kobo_mirror.errors import ConfigurationError, DatabaseError
from kobo_mirror.export.exported import exported
from kobo_mirror.export.exporting import Wanted, export_form
from kobo_mirror.export.reading import Filters, Rows
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.store.schema import migrate
from tests.support.exports import ExportViewed, package_of, read_export, types_of
from tests.support.forms.applied import Applying
from tests.support.forms.hostile import LABELS, LONG, content, hostile
from tests.support.forms.judging import UID
from tests.support.forms.made import make_tables
from tests.support.forms.surveys import ask, repeat, survey
from tests.support.mirroring import ROOT, Mirroring
from tests.support.tables import run_sql

ALL = Wanted()
PEOPLE = survey([*ask("text", "name"), *repeat("members", ask("integer", "age"))])


def tables_of(engine: Engine, file: Path, wanted: Wanted = ALL) -> dict[str, list[dict[str, Any]]]:
    export_form(engine, wanted, file)
    return read_export(file, types_of(package_of(file)))


def fill(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        for kobo_id in range(1, count + 1):
            write(connection, kobo_id, kobo_id % 3)


def write(connection: Any, kobo_id: int, members: int) -> None:
    connection.execute(text(f"DELETE FROM survey__members WHERE kobo_id = {kobo_id}"))
    connection.execute(text(f"DELETE FROM survey WHERE kobo_id = {kobo_id}"))
    connection.execute(
        text(f"INSERT INTO survey (kobo_id, name, members__rows) VALUES ({kobo_id}, 'n', {members})")
    )
    for pos in range(1, members + 1):
        connection.execute(
            text(f"INSERT INTO survey__members (kobo_id, pos, age) VALUES ({kobo_id}, {pos}, {members})")
        )


@pytest.mark.long
def test_children_match_their_parents_while_a_sync_writes(engine: Engine, tmp_path: Path) -> None:
    make_tables(engine, PEOPLE)
    fill(engine, 2_500)
    ended, rounds = Event(), list[int]()

    def keep_writing() -> None:
        while not ended.is_set():
            rounds.append(len(rounds))
            for kobo_id in range(1, 3_000, 61):
                with engine.begin() as connection:
                    write(connection, kobo_id, (kobo_id + rounds[-1]) % 4)

    writing = Thread(target=keep_writing)
    writing.start()
    try:
        seen = [tables_of(engine, tmp_path / f"e{number}.zip") for number in range(6)]
    finally:
        ended.set()
        writing.join()
    for tables in seen:
        members = Counter(row["parent_key"] for row in tables["survey__members"])
        assert members == Counter({row["key"]: row["members__rows"] for row in tables["survey"]})
    assert rounds
    assert any(one != seen[0] for one in seen)


@pytest.mark.long
def test_no_table_is_changed_between_two_tables_of_an_export(engine: Engine) -> None:
    mirror = make_tables(engine, PEOPLE)
    fill(engine, 5)
    tables = exported(mirror)
    is_server = engine.dialect.name != "sqlite"
    with snapshot(engine) as connection:
        rows = Rows(connection, tables, Filters())
        assert len([*rows.of(tables.rows[0])]) == 5
        refused = pytest.raises(OperationalError) if is_server else nullcontext()
        with engine.begin() as other, refused:
            if is_server:
                other.execute(text("SET SESSION lock_wait_timeout = 1"))
            other.execute(text("ALTER TABLE survey__members ADD COLUMN further INTEGER"))
        assert len([*rows.of(tables.rows[1])]) == 1 + 2 + 1 + 2


def test_a_cell_that_another_program_wrote_is_told_and_the_file_stays(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'mirror.db'}")
    migrate(engine)
    make_tables(engine, PEOPLE)
    fill(engine, 3)
    file = tmp_path / "e.zip"
    export_form(engine, Wanted("survey"), file)
    before = file.read_bytes()
    run_sql(engine, "UPDATE survey__members SET age = 'secret'")
    with pytest.raises(DatabaseError) as refused:
        export_form(engine, Wanted("survey"), file)
    assert str(refused.value) == (
        "The column age holds what is no integer, which another program wrote: "
        "`python -m kobo_mirror verify --full --repair` mends it."
    )
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*part*")] == []
    engine.dispose()


def test_a_form_with_one_table_is_one_file(engine: Engine, tmp_path: Path) -> None:
    make_tables(engine, survey(ask("text", "name", "note")))
    run_sql(engine, "INSERT INTO survey (kobo_id, name) VALUES (1, '')")
    file = tmp_path / "e.csv"
    assert export_form(engine, Wanted(), file).sentence == f"{file}: 1 row of survey"
    header, line = file.read_text("utf-8-sig").splitlines()
    row = dict(zip(header.split(","), line.split(","), strict=True))
    assert (row["key"], row["name"], row["note"]) == ("1", '""', "")
    export_form(engine, Wanted(), tmp_path / "e.parquet")
    import pyarrow.parquet

    (found,) = pyarrow.parquet.read_table(tmp_path / "e.parquet").to_pylist()
    assert (found["kobo_id"], found["name"], found["note"]) == (1, "", None)


def test_a_file_that_is_replaced_keeps_its_rights_and_links_to_it(engine: Engine, tmp_path: Path) -> None:
    make_tables(engine, survey(ask("text", "name")))
    kept, link = tmp_path / "kept.csv", tmp_path / "link.csv"
    kept.write_text("old")
    kept.chmod(0o600)
    link.symlink_to(kept)
    export_form(engine, Wanted(), link)
    assert (link.is_symlink(), kept.stat().st_mode & 0o777) == (True, 0o600)
    assert kept.read_text("utf-8-sig").startswith("key,")
    longest = tmp_path / f"{'አ' * 83}.csv"  # 253 bytes of the 255 that a name may have
    export_form(engine, Wanted(), longest)
    assert sorted(tmp_path.glob("*.csv")) == sorted([kept, link, longest])
    assert not [*tmp_path.glob(".*.part")]


@pytest.mark.long
def test_labels_of_any_kind_are_those_of_the_form(engine: Engine, tmp_path: Path) -> None:
    applying, schema = Applying(engine), hostile(content())
    applying.apply(schema)
    told = {name: label.encode("utf-16", "surrogatepass").decode("utf-16") for name, label in LABELS.items()}
    told |= {"twin_1": "Same [twin_1]", "unknown": "unknown"}
    for number, name in enumerate(told):
        run_sql(
            engine,
            "INSERT INTO survey (kobo_id, one, many, hundreds, thousands) VALUES "
            f"({number}, '{name}', 'unknown  {name} twin_2', 'n299 n5  n0', 'n{number * 100}')",
        )
    last = len(told) - 1
    run_sql(engine, f"UPDATE survey SET thousands = 'n{LONG}' WHERE kobo_id = {last}")
    for ending in ("zip", "xlsx"):
        file = tmp_path / f"e.{ending}"
        export_form(engine, Wanted(language="en"), file)
        types = types_of(package_of(tmp_path / "e.zip"))
        rows = read_export(file, types)["survey"]
        for row, label in zip(rows, told.values(), strict=True):
            assert (row["one"], row["many"]) == (label, f"unknown; {label}; Same [twin_2]")
            assert row["hundreds"] == "Number 299; Number 5; Number 0"
        thousands = [row["thousands"] for row in rows]
        assert thousands == [*(f"Number {number * 100}" for number in range(last)), f"n{LONG}"]
    file = tmp_path / "am.zip"
    assert tables_of(engine, file, Wanted(language="አማርኛ"))["survey"][0]["hundreds"].startswith("ቁጥር 299; ")
    applying.forget()


@pytest.mark.long
def test_the_survey_is_exported_with_and_without_its_rest(mirroring: Mirroring, tmp_path: Path) -> None:
    mirroring.sync(form=KOBO_RECORDS)
    engine = mirroring.engine
    assert "rows of kobo_records" in export_form(engine, Wanted(), tmp_path / "alone.csv").sentence
    with pytest.raises(ConfigurationError, match="has no column validation_status yet: apply the plan"):
        export_form(engine, Wanted(filters=Filters(approved_only=True)), tmp_path / "alone.csv")
    mirroring.sync(wanted=WantedForm(schema=AUTO))
    schema = mirroring.mirror.schema
    assert schema
    with engine.connect() as connection:
        count, rest = (
            connection.scalar(text(f"SELECT COUNT(*) FROM {name}"))
            for name in ("kobo_records", "kobo_records__rest")
        )
    summary = export_form(engine, Wanted("kobo_records"), tmp_path / "e.zip")
    assert (summary.counts["kobo_records"], summary.left_out) == (count, rest - count)
    later = Wanted("kobo_records", filters=Filters(since=date(2099, 1, 1)))
    assert export_form(engine, later, tmp_path / "later.zip").left_out == 0
    types = types_of(package_of(tmp_path / "e.zip"))
    export_form(engine, Wanted(mirroring.simulator.asset), tmp_path / "e.xlsx")
    for ending in ("zip", "xlsx"):
        tables = read_export(tmp_path / f"e.{ending}", types)
        ExportViewed(
            engine, schema.asset_uid, schema.versions, ["default"], tables=tables, language=None
        ).check()
    assert tables["kobo_records"][0]["id"].count("-") == 4


def test_one_of_several_forms_is_named(engine: Engine, tmp_path: Path) -> None:
    make_tables(engine, PEOPLE)
    make_tables(engine, survey(ask("text", "name"), uid="aOther0000000000000001", name="Other"))
    with pytest.raises(ConfigurationError, match="several forms: name one of them"):
        export_form(engine, Wanted(), tmp_path / "e.zip")
    for pick in ("other", "aOther0000000000000001"):
        assert [*export_form(engine, Wanted(pick), tmp_path / "e.csv").counts] == ["other"]
    assert UID != "aOther0000000000000001"


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_half_file(
    engine: Engine, database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    make_tables(engine, PEOPLE)
    fill(engine, 5_000)
    folder = tmp_path / "exports"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "kobo_mirror", "export", "--to", str(folder / "e.xlsx")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins"), "DATABASE_URL": database_url},
    )
    while not [*folder.iterdir()]:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(number)
    assert process.wait(timeout=20) != 0
    assert [*folder.iterdir()] == []
