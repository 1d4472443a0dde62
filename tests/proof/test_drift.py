"""Differences planted by hand are found and named to the row, and a repair removes all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, Table, delete, insert, select, update

from kobo_mirror.cli import commands
from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.tables import form_table, submissions
from simulator.process import SimulatorProcess
from tests.support.contents import contents, moments

ROWS = 50_000
FOREIGN_ID = 999_999_999

Plant = Callable[["Tables", int], None]


class Tables:
    """The form table and the ledger, written to directly, past the writer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.form: Table = form_table(KOBO_RECORDS)
        self.foreign = FOREIGN_ID

    def forget_row(self, kobo_id: int) -> None:
        self._run(delete(self.form).where(self.form.c.kobo_id == kobo_id))

    def forget(self, kobo_id: int) -> None:
        self._run(delete(submissions).where(submissions.c.kobo_id == kobo_id))

    def forget_both(self, kobo_id: int) -> None:
        self.forget_row(kobo_id)
        self.forget(kobo_id)

    def invent_row(self, kobo_id: int) -> None:
        self._copy(self.form, kobo_id, id=self.foreign.to_bytes(16), kobo_id=self.foreign)

    def invent(self, kobo_id: int) -> None:
        self._copy(submissions, kobo_id, kobo_id=self.foreign)

    def invent_both(self, kobo_id: int) -> None:
        self.invent_row(kobo_id)
        self.invent(kobo_id)

    def alter(self, kobo_id: int, table: Table | None = None, /, **cells: Any) -> None:
        chosen = self.form if table is None else table
        self._run(update(chosen).where(chosen.c.kobo_id == kobo_id).values(cells))

    def _copy(self, table: Table, kobo_id: int, /, **changes: Any) -> None:
        with self.engine.begin() as connection:
            found = connection.execute(select(table).where(table.c.kobo_id == kobo_id)).mappings().one()
            connection.execute(insert(table).values(dict(found) | changes))

    def _run(self, statement: Any) -> None:
        with self.engine.begin() as connection:
            assert connection.execute(statement).rowcount == 1


@pytest.fixture
def tables(database_url: str) -> Iterator[Tables]:
    engine = open_engine(database_url)
    yield Tables(engine)
    engine.dispose()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Callable[[SimulatorProcess], None]:
    def of(simulator: SimulatorProcess) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("KOBO_URL", simulator.url)
        monkeypatch.setenv("KOBO_TOKEN", simulator.token)
        monkeypatch.setenv("KOBO_ASSET_ID", simulator.asset)

    return of


def run(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a command, and what it said."""
    code = commands.main([*command, "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.long
def test_four_planted_differences_in_50_000_are_named_and_repaired(
    settings: Callable[[SimulatorProcess], None],
    tables: Tables,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with SimulatorProcess(rows=ROWS) as simulator:
        settings(simulator)
        assert run(capsys, "sync")[0] == 0
        ids = simulator.control.ids()
        missing, stale, altered = ids[100], ids[25_000], ids[-7]
        tables.forget_row(missing)
        tables.invent_both(ids[200])
        simulator.control.edit(stale, cd_age="99")
        tables.alter(altered, region="another one")
        before = moments(tables.engine)
        code, (found, mended) = run(capsys, "verify", "--full", "--repair")
    assert found["ids"] == {
        "missing": [missing],
        "extra": [FOREIGN_ID],
        "stale": [stale],
        "different": [altered],
    }
    assert found["differences"] == {"missing": 1, "extra": 1, "stale": 1, "different": 1}
    assert (code, mended["equal"], mended["compared"]) == (0, True, ROWS)
    after = moments(tables.engine)
    assert {i for i in before.keys() & after.keys() if before[i] != after[i]} == {stale, altered}


def ledger(**cells: Any) -> Plant:
    return lambda tables, kobo_id: tables.alter(kobo_id, submissions, **cells)


def form(**cells: Any) -> Plant:
    return lambda tables, kobo_id: tables.alter(kobo_id, **cells)


PLANTS: dict[str, tuple[Plant, ...]] = {
    "missing": (Tables.forget_row, Tables.forget, Tables.forget_both, ledger(state="deleted")),
    "stale": (
        ledger(uuid="another"),
        ledger(validation_status="validation_status_approved"),
        ledger(validation_timestamp=1),
        ledger(document_digest=None),
    ),
    "extra": (ledger(state="rejected", reason="?"),),
    "different": (
        ledger(row_digest=bytes(16)),
        ledger(row_digest=None),
        form(age=-1),
        form(alt_phone=None),
        form(client_name="a " * 100),
        form(id=b"x" * 16),
    ),
}
FOREIGN: tuple[Plant, ...] = (Tables.invent_row, Tables.invent, Tables.invent_both)


def test_drift_of_every_kind_is_found_and_repaired(
    simulator: SimulatorProcess,
    settings: Callable[[SimulatorProcess], None],
    tables: Tables,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings(simulator)
    run(capsys, "sync")
    wanted, before = contents(tables.engine), moments(tables.engine)
    ids = (kobo_id for kobo_id, row in wanted.rows.items() if row["alt_phone"])
    planted: dict[str, list[int]] = {kind: [] for kind in PLANTS}
    for kind, plants in PLANTS.items():
        for plant in plants:
            planted[kind].append(next(ids))
            plant(tables, planted[kind][-1])
    for foreign, plant in enumerate(FOREIGN, FOREIGN_ID):
        tables.foreign = foreign
        plant(tables, next(ids))
        planted["extra"].append(foreign)
    moved = next(ids)
    tables.alter(moved, kobo_id=5)
    planted["missing"].append(moved)
    planted["extra"].append(5)
    by_digest = next(ids)  # its rows are what they should be: no difference, but it is asked for again
    tables.alter(by_digest, submissions, document_digest=bytes(16))
    drifted = contents(tables.engine).rows
    changed = {kobo_id for kobo_id, row in wanted.rows.items() if drifted.get(kobo_id) != row}
    code, (found,) = run(capsys, "verify", "--full")
    assert (code, found["ids"]) == (1, {kind: sorted(ids) for kind, ids in planted.items()})
    assert contents(tables.engine).to_fetch == {str(by_digest)}
    assert run(capsys, "verify", "--full", "--repair")[0] == 0
    assert contents(tables.engine)._replace(deleted=set()) == wanted
    after = moments(tables.engine)
    assert {i for i in before if before[i] != after[i]} <= {*changed, *planted["missing"], *planted["extra"]}
