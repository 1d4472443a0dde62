"""A sync succeeds only if every row of every table is there: derived tables that were dropped or changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import KoboMirrorError, SchemaError
from kobo_mirror.forms.form_schema import ROWS, TableKind
from kobo_mirror.store.bindings import epochs_of
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.tables import sync_runs
from kobo_mirror.store.writer import Writer
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import any_mirror, form_file, uid_of
from tests.support.mirroring import Mirroring
from tests.support.rebuilding import LARGE_FORM, stop_after
from tests.support.submissions import body
from tests.support.tables import answers, drop_views_of_file, ledger, rows_of, run_sql

INCREMENTAL: dict[str, Any] = {"mode": "incremental", **LARGE_FORM}
Rows = dict[str, list[dict[str, Any]]]
"""The rows of each table."""
VISITS = content(
    row("text", "village"),
    row("integer", "age"),
    row("begin_repeat", "members"),
    row("text", "who"),
    row("begin_repeat", "visits"),
    row("date", "on"),
    row("end_repeat"),
    row("end_repeat"),
)


class Derived(NamedTuple):
    """A mirror that was synced, and the names of its derived tables."""

    mirroring: Mirroring
    root: str
    repeat: str
    files: str
    told: str
    answer: str

    def damage(self, *statements: str) -> None:
        """Run statements as a person would who has switched off what the database checks of foreign keys."""
        names = {name: getattr(self, name) for name in self._fields if name != "mirroring"}
        formed = [statement.format(**names) for statement in statements]
        if self.mirroring.engine.dialect.name != "sqlite":
            formed = ["SET FOREIGN_KEY_CHECKS = 0", *formed, "SET FOREIGN_KEY_CHECKS = 1"]
        run_sql(self.mirroring.engine, *formed)

    def rows(self) -> Rows:
        """Return the rows of all tables but for when each was last modified."""
        schema = self.mirroring.mirror.schema
        assert schema is not None
        tables = [*physical_tables(schema).sorted_tables, rejected_cells]
        found = {table.name: rows_of(self.mirroring.engine, table) for table in tables}
        return {
            name: [{key: cell for key, cell in one.items() if key != "updated_at"} for one in rows]
            for name, rows in found.items()
        }

    def is_whole(self, before: Rows) -> None:
        """Check that all rows are there again, that a proof says so, and that the next sync has no work."""
        assert self.rows() == before
        assert self.mirroring.verify().equal
        (*_, last) = rows_of(self.mirroring.engine, sync_runs)
        assert last["count_difference"] == 0
        again = self.mirroring.sync()
        assert (again["inserted"], again["updated"], again["revived"]) == (0, 0, 0)

    def epochs(self) -> tuple[int, int]:
        """Return the current epoch, and the newest one that was read."""
        with reading(self.mirroring.engine) as connection:
            return epochs_of(connection, self.mirroring.mirror.table)


def derived(mirroring: Mirroring, answer: str) -> Derived:
    mirroring.sync()
    schema = mirroring.mirror.schema
    assert schema is not None
    repeat = next(table for table in schema.tables if table.path == "members")
    files = next(table for table in schema.tables if table.kind is TableKind.FILES)
    count = next(column for column in schema.root.columns if column.facet == ROWS)
    return Derived(mirroring, schema.root.name, repeat.name, files.name, count.name, answer)


@contextmanager
def beside_kobo_records(simulator: SimulatorProcess, database_url: str) -> Iterator[Derived]:
    """Mirror a form with files, with a cell that does not fit, and with a submission that is rejected."""
    control = simulator.control
    control.form(media=True)
    ids = control.ids()
    for kobo_id in ids[:9]:
        control.attach(kobo_id, "photo.jpg", "cd_photo")
    control.raw(ids[0], {"cd_gps": ["no", "text"]})
    control.edit(ids[5], cd_client_name=None)  # it has a row in the rest alone
    with any_mirror(simulator, simulator.asset, database_url) as mirror:
        yield derived(mirror, "name")


@contextmanager
def without_kobo_records(simulator: SimulatorProcess, database_url: str) -> Iterator[Derived]:
    """Mirror a form that has no declared table, with a repeat in its repeat."""
    simulator.control.faults.clear()
    with any_mirror(simulator, uid_of("visits"), database_url) as mirror:
        yield derived(mirror, "who")


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    file = form_file(tmp_path_factory.mktemp("forms"), "visits", VISITS, rows=60)
    with SimulatorProcess(form=[file]) as running:
        yield running


@pytest.fixture
def beside(simulator: SimulatorProcess, database_url: str) -> Iterator[Derived]:
    with beside_kobo_records(simulator, database_url) as tables:
        yield tables


@pytest.fixture
def alone(visits: SimulatorProcess, database_url: str) -> Iterator[Derived]:
    with without_kobo_records(visits, database_url) as tables:
        yield tables


@pytest.fixture(params=["beside", "alone"])
def tables(
    request: pytest.FixtureRequest, simulator: SimulatorProcess, visits: SimulatorProcess, database_url: str
) -> Iterator[Derived]:
    """Return both kinds in turn."""
    made = (
        beside_kobo_records(simulator, database_url)
        if request.param == "beside"
        else without_kobo_records(visits, database_url)
    )
    with made as found:
        yield found


def cases(ways: Iterable[str], *further: str) -> list[Any]:
    """Return the names of ways; further ones of a kind are left to the long tests."""
    return [pytest.param(way, marks=[pytest.mark.long] * (way in further)) for way in ways]


DROPPED: dict[str, tuple[str, ...]] = {
    "root": ("DROP TABLE {root}",),
    "repeat": ("DROP TABLE {repeat}",),
    "files": ("DROP TABLE {files}",),
    "all": ("DROP TABLE {repeat}", "DROP TABLE {files}", "DROP TABLE {root}"),
    "column": ("ALTER TABLE {repeat} DROP COLUMN {answer}",),
}


@pytest.mark.parametrize("what", cases(DROPPED, "files", "all"))
def test_a_derived_table_that_was_dropped_is_full_after_one_sync(tables: Derived, what: str) -> None:
    before, mirroring, (epoch, _) = tables.rows(), tables.mirroring, tables.epochs()
    drop_views_of_file(mirroring.engine)
    tables.damage(*DROPPED[what])
    with pytest.raises(SchemaError):
        mirroring.verify()
    result = mirroring.sync(**INCREMENTAL)
    assert result["rows_read"] == len(ledger(mirroring.engine))
    assert tables.epochs() == (epoch + 1, epoch + 1)
    tables.is_whole(before)


@pytest.mark.parametrize("what", ["root", "repeat"])
def test_no_light_is_green_until_all_was_read_again(beside: Derived, what: str) -> None:
    """The epoch rises before the table is made again, so that a run that stops leaves it to the next one."""
    before, mirroring, (epoch, _) = beside.rows(), beside.mirroring, beside.epochs()
    beside.damage(*DROPPED[what])
    stop_after(mirroring, 5)
    for _ in range(2):
        with pytest.raises(KoboMirrorError):
            mirroring.sync(mirroring.client(attempts=1), page_size=10, in_flight=1, **INCREMENTAL)
        assert beside.epochs() == (epoch + 1, epoch)
        assert status(mirroring.engine)["light"] != "green"
    mirroring.simulator.control.faults.clear()
    mirroring.sync(**INCREMENTAL)
    assert beside.epochs() == (epoch + 1, epoch + 1)
    beside.is_whole(before)


def test_a_delivery_while_a_table_is_gone_is_not_taken_in_part(beside: Derived) -> None:
    mirroring, control = beside.mirroring, beside.mirroring.simulator.control
    control.set_delivery("lose")
    (new,) = control.create(1)
    (shown,) = control.rows(new)
    beside.damage("DROP TABLE {root}")
    with pytest.raises(KoboMirrorError):
        Writer(mirroring.engine, mirroring.mirror).push(body(shown))
    assert new not in ledger(mirroring.engine)
    assert new not in answers(mirroring.engine)
    assert mirroring.sync(**INCREMENTAL)["inserted"] == 1
    assert mirroring.verify().equal


ROOT_DAMAGED: dict[str, str] = {
    "emptied": "DELETE FROM {root}",
    "nine of ten gone": "DELETE FROM {root} WHERE kobo_id % 10 <> 0",
    "one of thirty gone": "DELETE FROM {root} WHERE kobo_id % 30 = 0",
    "one too many": "INSERT INTO {root} (kobo_id, {told}, inserted_at, updated_at) "
    "SELECT kobo_id + 1000000, 0, inserted_at, updated_at FROM {root} WHERE kobo_id % 30 = 0",
}


@pytest.mark.parametrize("way", cases(ROOT_DAMAGED, "emptied", "one of thirty gone"))
@pytest.mark.parametrize(
    "options", [pytest.param({}, marks=pytest.mark.long), INCREMENTAL], ids=["exact", "incremental"]
)
def test_any_run_counts_the_root(tables: Derived, way: str, options: dict[str, Any]) -> None:
    before = tables.rows()
    tables.damage(ROOT_DAMAGED[way])
    assert tables.rows() != before
    tables.mirroring.sync(**options)
    tables.is_whole(before)


BELOW_DAMAGED: dict[str, str] = {
    "emptied": "DELETE FROM {repeat}",
    "nine of ten gone": "DELETE FROM {repeat} WHERE kobo_id % 10 <> 0",
    "the first of each gone": "DELETE FROM {repeat} WHERE pos = 1",
    "some too many": "INSERT INTO {repeat} (kobo_id, pos, {answer}) "
    "SELECT kobo_id, pos + 70, {answer} FROM {repeat} WHERE pos = 1 AND kobo_id % 3 = 0",
    "told otherwise": "UPDATE {root} SET {told} = {told} + 1 WHERE kobo_id % 7 = 0",
}


@pytest.mark.parametrize("way", cases(BELOW_DAMAGED, "emptied", "nine of ten gone"))
def test_an_exact_run_counts_all_tables(tables: Derived, way: str) -> None:
    before = tables.rows()
    tables.damage(BELOW_DAMAGED[way])
    assert tables.rows() != before
    tables.mirroring.sync(mode="exact")
    tables.is_whole(before)


CHANGED: dict[str, str] = {
    "a cell of the root": "UPDATE {root} SET instance_name = 'changed' WHERE kobo_id % 30 = 0",
    "a cell of a repeat": "UPDATE {repeat} SET {answer} = 'changed' WHERE kobo_id % 30 = 0",
    "files gone": "DELETE FROM {files}",
    "rejected cells gone": "DELETE FROM kobo_rejected_cells",
    "files of nobody": "INSERT INTO {files} (kobo_id, uid, table_name, pos, column_name, file_name, "
    "mime_type, is_deleted, matched) VALUES (7, 'a', '', '', '', 'x', 'y', 0, 'none')",
}


@pytest.mark.parametrize("what", CHANGED)
@pytest.mark.parametrize("full", [False, pytest.param(True, marks=pytest.mark.long)], ids=["quick", "full"])
def test_a_proof_finds_what_no_count_tells_and_its_repair_mends_it(
    beside: Derived, what: str, full: bool
) -> None:
    before, mirroring = beside.rows(), beside.mirroring
    beside.damage(CHANGED[what])
    number = len(submissions_that_differ(before, beside.rows()))
    kind = "extra" if what == "files of nobody" else "different"
    options = ["--full"] if full else []
    code, out, err = mirroring.command("verify", *options)
    assert (code, f"{number} differences ({number} {kind})" in out + err) == (1, True), out + err
    code, out, _ = mirroring.command("verify", "--repair", *options)
    assert (code, "mirror equals source" in out) == (0, True)
    assert beside.rows() == before
    again = mirroring.sync()
    assert (again["inserted"], again["updated"]) == (0, 0)


def submissions_that_differ(before: Rows, after: Rows) -> set[int]:
    """Return whose rows are others than before, of which there must be some."""
    differ = {
        row["kobo_id"]
        for table, rows in before.items()
        for some, others in ((rows, after[table]), (after[table], rows))
        for row in some
        if row not in others
    }
    assert differ
    return differ


@pytest.mark.parametrize("lie", [3, -2])
def test_totals_that_are_wrong_are_counted_anew(alone: Derived, lie: int) -> None:
    before = alone.rows()
    run_sql(alone.mirroring.engine, f"UPDATE kobo_tallies SET applied = applied + {lie}")
    result = alone.mirroring.sync()
    assert result["submissions"] == 60
    alone.is_whole(before)
