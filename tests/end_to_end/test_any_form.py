"""Any form in SQL: put its uid into .env, and its tables are there, exact."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, inspect, text

from kobo_mirror.errors import RequestError
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.sync.receive import Accepted, Receiver
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import EVERYTHING, content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.tables import queued_refs, run_sql

Opening = Callable[[str], AbstractContextManager[AnyMirror]]


def repeat(name: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [row("begin_repeat", name), *rows, row("end_repeat")]


HOUSEHOLD = content(
    row("text", "village"),
    row("integer", "age"),
    row("decimal", "income"),
    row("date", "born"),
    row("datetime", "seen"),
    row("time", "at"),
    *repeat(
        "members",
        row("text", "who"),
        *repeat("visits", row("date", "on"), *repeat("notes", row("text", "said"))),
    ),
)
FORMS = {
    "everything": EVERYTHING,
    "household": HOUSEHOLD,
    "system": content(
        *(
            row("text", name)
            for name in ("_id", "kobo_id", "extra", "pos", "order", "id", "updated_at", "group", "select")
        ),
        *repeat("rows", row("text", "pos"), row("text", "kobo_id")),
    ),
    "spellings": content(*(row("text", name) for name in ("Name", "name", "NAME", "nàme", "näme"))),
    "scripts": content(
        row("text", "ስም", label=["ስምዎ ማን ነው 🎂"]),
        row("integer", "عمر", label=["العمر"]),
        row("text", "𞤋𞤲𞤣𞤫", label=["𞤋𞤲𞤣𞤫 👨‍👩‍👧"]),
        *repeat("ቤተሰብ", row("text", "ስም")),
    ),
    "texts": content(*(row("text", f"q{number}") for number in range(1500))),
}
LARGE = {"texts": 3}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    folder = tmp_path_factory.mktemp("forms")
    files = [form_file(folder, name, asked, rows=LARGE.get(name, 20)) for name, asked in FORMS.items()]
    with SimulatorProcess(form=files) as running:
        yield running


@pytest.fixture
def mirror_of(several: SimulatorProcess, database_url: str) -> Opening:
    return lambda name: any_mirror(several, uid_of(name), database_url)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name in LARGE)) for name in FORMS]
)
def test_its_tables_are_there_and_hold_every_answer(mirror_of: Opening, name: str) -> None:
    with mirror_of(name) as mirror:
        outcome = mirror.sync()
        assert outcome["inserted"] == outcome["submissions"] > 0
        assert mirror.found() == mirror.wanted()
        report = mirror.verify()
        assert report.equal and report.compared == outcome["submissions"]
        again = mirror.sync()
        assert (again["inserted"], again["updated"]) == (0, 0)
        assert not inspect(mirror.engine).has_table("kobo_records")


def test_what_changes_on_the_server_changes_in_every_table(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        mirror.sync()
        control = mirror.control
        control.create(5)
        first, second, third, *_ = control.ids()
        control.edit(first, members=[])
        control.edit(second, members=[{"members/who": name} for name in ("a", "b", "c", "d", "e")])
        control.delete(third)
        outcome = mirror.sync()
        assert (outcome["inserted"], outcome["updated"], outcome["deleted"]) == (5, 2, 1)
        assert mirror.found() == mirror.wanted()
        assert mirror.verify().equal


ODD: dict[str, dict[str, Any]] = {
    "100 kB": {"village": "ä" * 50_000},
    "5 MB": {"village": "x" * 5_000_000},
    "numbers that are none": {"age": "NaN", "income": "1e400"},
    "numbers in odd spellings": {"age": "24.", "income": ".5"},
    "years": {"born": "0216-01-01", "seen": "20226-01-01T00:00:00Z"},
    "types": {"village": None, "age": 7, "income": ["1"], "at": {"a": 1}},
    "keys of no question": {"village/at": "x", "nobody": {"a": ["b"]}, "members/who": "plain", "": "empty"},
    "lists in odd places": {
        "village": [{"village": "one"}],
        "members": [3, None, {"members/who": ["x"]}, "y"],
    },
    "10,000 repetitions": {"members": [{"members/who": str(number)} for number in range(10_000)]},
    "an empty repeat": {"members": []},
}


@pytest.mark.parametrize("keys", ODD.values(), ids=ODD)
def test_an_odd_answer_has_a_home_and_spoils_nothing_else(mirror_of: Opening, keys: dict[str, Any]) -> None:
    with mirror_of("household") as mirror:
        kobo_id = mirror.control.ids()[-1]
        mirror.control.raw(kobo_id, keys)
        outcome = mirror.sync(mode="exact")
        assert outcome["rejected"] == 0
        assert mirror.found() == mirror.wanted()
        assert mirror.verify().equal
        mirror.control.raw(kobo_id, {}, remove=list(keys))


@pytest.mark.parametrize("many", [1, 40], ids=["one", "several"])
def test_a_delivery_before_the_first_sync_comes_with_it(mirror_of: Opening, many: int) -> None:
    with mirror_of("everything") as mirror:
        receiver = Receiver(mirror.engine, [mirror.mirror], "rejected")
        bodies = [json.dumps(document).encode() for document in mirror.control.rows()[:many]]
        outcomes = [receiver.receive(body) for body in bodies]
        assert {o.result.result for o in outcomes if isinstance(o, Accepted)} == {"deferred"}
        assert len(queued_refs(mirror.engine)) == len(bodies)
        mirror.sync()
        assert not queued_refs(mirror.engine)
        assert mirror.found() == mirror.wanted()
        again = receiver.receive(bodies[0])
        assert isinstance(again, Accepted) and again.result.result == "unchanged"


def test_another_forms_uid_is_refused_and_changes_nothing(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        mirror.sync()
        before = mirror.found()
    with mirror_of("everything") as other:
        code, out, errors = other.command("sync")
        assert code == 1, out
        assert uid_of("household") in errors and "set KOBO_URL and KOBO_ASSET_ID back" in errors
    with mirror_of("household") as mirror:
        assert mirror.found() == before


def test_a_table_of_that_name_that_is_not_ours_is_never_written(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        (Path(mirror.folder.name) / "kobo.yml").write_text("forms:\n- table: household\n")
        run_sql(mirror.engine, "CREATE TABLE household__members (a INTEGER)")
        code, _, errors = mirror.command("sync")
        assert code == 2
        assert "a table or view household__members already, which is not the mirror's" in errors
        assert {"household", "household__files"}.isdisjoint(inspect(mirror.engine).get_table_names())
        run_sql(mirror.engine, "DROP TABLE household__members")
        assert mirror.command("sync")[0] == 0
        assert mirror.found() == mirror.wanted()


def test_a_form_whose_table_is_not_named_gets_a_free_name(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        run_sql(
            mirror.engine,
            "CREATE TABLE household__members (a INTEGER)", "INSERT INTO household__members VALUES (1)",
        )  # fmt: skip
        assert mirror.command("sync")[0] == 0
        assert mirror.found() == mirror.wanted()
        with mirror.engine.connect() as connection:
            assert connection.execute(text("SELECT a FROM household__members")).scalars().all() == [1]
        assert {"household", "household__files"}.isdisjoint(inspect(mirror.engine).get_table_names())


def test_a_form_that_is_not_deployed_says_so(several: SimulatorProcess, mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        mirror.control.form(deployed=False)
        try:
            with pytest.raises(RequestError, match="not deployed"):
                mirror.sync()
            assert set(inspect(mirror.engine).get_table_names()).isdisjoint({"household", "household__files"})
        finally:
            mirror.control.form(deployed=True)


@pytest.mark.parametrize("status", ["junk", [1], {"comment": "x", "uid": "validation_status_approved"}])
def test_a_validation_of_another_shape_is_taken_over_and_let_go(mirror_of: Opening, status: Any) -> None:
    with mirror_of("household") as mirror:
        kobo_id = mirror.control.ids()[0]
        before = mirror.control.rows(kobo_id)[0].get("_validation_status", {})
        mirror.sync()
        for value in (status, before):
            mirror.control.raw(kobo_id, {"_validation_status": value})
            mirror.sync(mode="exact", since=0)
            assert mirror.found() == mirror.wanted()
        assert mirror.verify().equal


def test_what_is_too_large_is_a_rejection_and_comes_back_when_it_is_small(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        kobo_id = mirror.control.ids()[-1]
        mirror.sync()
        mirror.control.raw(kobo_id, {"village": "x" * 17_000_000})
        try:
            assert mirror.sync(mode="exact", since=0)["rejected"] == 1
            assert ("household", (kobo_id,)) not in mirror.found().rows
        finally:
            mirror.control.raw(kobo_id, {"village": "small"})
        mirror.sync(mode="exact", since=0)
        assert mirror.found() == mirror.wanted()


def test_a_proof_of_what_is_too_large_is_equal(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        kobo_id = mirror.control.ids()[-1]
        mirror.control.raw(kobo_id, {"village": "x" * 17_000_000})
        try:
            mirror.sync()
            report = mirror.verify()
            assert report.equal and report.rejected == 1
        finally:
            mirror.control.raw(kobo_id, {"village": "small"})


def test_a_binding_that_was_lost_reads_everything_again(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        mirror.sync()
        with mirror.engine.begin() as connection:
            connection.execute(text("DELETE FROM kobo_forms"))
            connection.execute(text("ALTER TABLE household RENAME COLUMN village TO hamlet"))
        mirror.sync()
        with mirror.engine.begin() as connection:
            connection.execute(text("ALTER TABLE household DROP COLUMN hamlet"))
        assert mirror.found() == mirror.wanted()


def test_a_database_of_a_newer_version_is_refused(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        with mirror.engine.begin() as connection:
            connection.execute(text("UPDATE kobo_alembic_version SET version_num = '9999'"))
        for command in ("sync", "migrate", "status"):
            code, _, errors = mirror.command(command)
            assert code and "revision 9999, which this version of Kobo Mirror does not know" in errors


def test_rejected_cells_of_no_submission_go_with_the_next_exact_sync(mirror_of: Opening) -> None:
    with mirror_of("household") as mirror:
        mirror.sync()
        asset = mirror.simulator.asset
        stray = (asset, 7, bytes(16), "household", "", "age", "age", "many", "is no whole number")
        with mirror.engine.begin() as connection:
            connection.execute(insert(rejected_cells).values(stray))
        assert mirror.found() != mirror.wanted()
        mirror.sync(mode="exact")
        assert mirror.found() == mirror.wanted()
