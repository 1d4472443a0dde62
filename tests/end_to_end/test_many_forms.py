"""Several forms in one database: each is exact, whatever happens to the others, and has its own tables."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import (
    ConfigurationError,
    CredentialsError,
    DeletesWaitError,
    KoboMirrorError,
    MissingTablesError,
    SchemaError,
    UnequalError,
)
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.kobo.server import KoboServer
from kobo_mirror.store.catalog import claimed_names
from kobo_mirror.store.forgetting import require_free
from kobo_mirror.store.listings import first_bound
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import forms, sync_runs
from kobo_mirror.sync.failure_notes import note_not_started
from simulator import survey
from simulator.process import SimulatorProcess
from tests.end_to_end.test_any_form import HOUSEHOLD
from tests.simulator.any_forms import EVERYTHING, content, row
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.any_mirror import form_file, uid_of
from tests.support.forms.many_mirrors import OneOfMany, one_database
from tests.support.further import further
from tests.support.mirrored_server import code_of

SMALL = content(row("text", "name"), row("integer", "age"))
GROWN = content(row("text", "name"), row("integer", "age"), row("date", "born"))
FORMS = {"everything": EVERYTHING, "household": HOUSEHOLD, "small": SMALL}
ROWS = 12


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    folder = tmp_path_factory.mktemp("forms")
    files = [form_file(folder, name, asked, rows=ROWS) for name, asked in FORMS.items()]
    with SimulatorProcess(form=files) as running:
        yield running


@pytest.fixture
def several(process: SimulatorProcess) -> SimulatorProcess:
    process.control.reset()
    process.control.faults.clear()
    return process


@pytest.fixture
def tables(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def mirrors(several: SimulatorProcess, tables: Engine) -> Iterator[list[OneOfMany]]:
    with KoboServer(several.url, several.token, attempts=2, sleep=lambda _: None) as server:
        yield one_database(several, server, tables, map(uid_of, FORMS))


def check(mirrors: list[OneOfMany]) -> None:
    for mirror in mirrors:
        mirror.sync(mode="exact")
    for mirror in mirrors:
        assert mirror.found() == mirror.wanted()
        assert mirror.verify().equal


def test_each_form_has_tables_of_its_own(mirrors: list[OneOfMany], tables: Engine) -> None:
    check(mirrors)
    with tables.connect() as connection:
        bound = dict(iter(connection.execute(select(forms.c.asset_uid, forms.c.form_table))))
        owners = claimed_names(connection)
    assert bound == {uid_of(name): name for name in FORMS}
    assert {name.partition("__")[0]: owner for name, owner in owners.items()} == {
        name: uid_of(name) for name in FORMS
    }
    assert [mirror.sync()["inserted"] for mirror in mirrors] == [0, 0, 0]


class Histories:
    """Draws what happens to a form next.

    :param url: the database's address, for syncs that crash.
    """

    def __init__(self, url: str, seed: int) -> None:
        self._draw = random.Random(seed)
        self._crashing = open_engine(url)
        self._point = CrashPoint(self._crashing)

    def close(self) -> None:
        self._crashing.dispose()

    def step(self, mirrors: list[OneOfMany]) -> None:
        one = self._draw.choice(mirrors)
        ids = one.control.ids()
        what = self._draw.choice(
            ("create", "edit", "delete", "deliver", "grow", "incremental", "exact", "kill")
        )
        if what == "create":
            one.control.create(self._draw.randint(1, 3))
        elif what == "edit":
            one.control.validate(self._draw.choice(ids), self._draw.choice(("approved", "on_hold")))
        elif what == "delete" and len(ids) > 1:
            one.control.delete(self._draw.choice(ids))
        elif what == "deliver" and one.mirror.has_tables:
            one.deliver(self._draw.choice(ids))
        elif what == "grow" and one.uid == uid_of("small"):
            one.control.deploy(GROWN)
        elif what == "kill":
            with (
                suppress(Crash, KoboMirrorError),
                self._point.crash_after(self._draw.randint(1, 120)),
            ):
                one.sync(self._crashing)
        elif what in ("incremental", "exact"):
            one.sync(mode=what)


@pytest.mark.parametrize("seed", [1, *further(*range(2, 12))])
def test_histories_that_interleave_end_in_equal_tables(
    mirrors: list[OneOfMany], database_url: str, seed: int
) -> None:
    histories = Histories(database_url, seed)
    for _ in range(30):
        histories.step(mirrors)
    histories.close()
    check(mirrors)


def test_an_empty_form_beside_others_keeps_its_tables(mirrors: list[OneOfMany]) -> None:
    """Alone it would make way for the next one: it could have been named by mistake."""
    first, second, third = mirrors
    for kobo_id in first.control.ids():
        first.control.delete(kobo_id)
    for one in (first, second, third):
        one.sync()
    assert first.mirror.has_tables
    first.control.create(2)
    check(mirrors)


def test_one_form_alone_still_needs_a_database_of_its_own(mirrors: list[OneOfMany], tables: Engine) -> None:
    """Who has only changed KOBO_ASSET_ID is told, as before."""
    mirrors[0].sync()
    server, uid = mirrors[1].mirror.identity
    with pytest.raises(SchemaError, match="use another database"):
        require_free(tables, server, uid)


def test_a_form_of_which_the_uid_is_another_servers_is_refused(mirrors: list[OneOfMany]) -> None:
    mirrors[0].sync()
    other = OneOfMany.__new__(OneOfMany)
    other.__dict__ |= mirrors[0].__dict__ | {"_url": "https://other.example"}
    with pytest.raises(SchemaError, match=r"of https://other\.example"):
        other.sync()


def test_two_forms_that_want_one_name_have_two_tables(tables: Engine, tmp_path: Path) -> None:
    twins = [form_file(tmp_path, name, SMALL, rows=3) for name in ("twin", "twinagain")]
    for file in twins[1:]:
        Path(file).write_text(Path(file).read_text().replace("Twinagain", "Twin"))
    with (
        SimulatorProcess(form=twins) as running,
        KoboServer(running.url, running.token) as server,
    ):
        mirrors = one_database(running, server, tables, map(uid_of, ("twin", "twinagain")))
        check(mirrors)
        first, second = (mirror.mirror.table for mirror in mirrors)
        assert (first, second.startswith("twin_"), second != first) == ("twin", True, True)


def test_one_form_has_the_declared_table(tables: Engine, tmp_path: Path) -> None:
    asked = survey.content(media=False)
    files = [form_file(tmp_path, name, asked, rows=2) for name in ("first", "second", "third")]
    with SimulatorProcess(form=files) as running, KoboServer(running.url, running.token) as server:
        one, two, three = one_database(running, server, tables, map(uid_of, ("first", "second", "third")))
        one._wish = two._wish = WantedForm()
        three._wish = WantedForm("kobo_records")
        for mirror in (one, two):
            with suppress(UnequalError):  # the answers are drawn, and the declared table rejects them
                mirror.sync()
        with pytest.raises(ConfigurationError, match="another form has the table kobo_records"):
            three.sync()
        assert (one.mirror.table, two.mirror.table) == ("kobo_records", "second")


def test_a_name_that_another_form_asks_for_is_left_to_it(mirrors: list[OneOfMany]) -> None:
    small, household = mirrors[2], mirrors[1]
    small._wish = WantedForm(others=frozenset({"small"}))
    household._wish = WantedForm("small", others=frozenset())
    small.sync()
    household.sync()
    assert household.mirror.table == "small"
    assert small.mirror.table.startswith("small_")
    check([small, household])


def test_a_failure_is_noted_of_the_form_that_failed(mirrors: list[OneOfMany], tables: Engine) -> None:
    first, second, third = mirrors
    first.sync()
    second.control.form(trashed=True)
    with pytest.raises(CredentialsError):
        second.sync(name="second")
    with tables.connect() as connection:
        t = sync_runs.c
        failed = connection.execute(select(t.asset_uid).where(t.error.is_not(None))).scalars().all()
    assert failed == [second.uid]
    third.sync()
    assert not second.mirror.has_tables
    second.control.form(trashed=False)
    check(mirrors)


@pytest.mark.parametrize("after_a_sync", [False, True])
def test_a_form_that_is_gone_keeps_its_tables(mirrors: list[OneOfMany], *, after_a_sync: bool) -> None:
    check(mirrors)
    before = mirrors[1].found()
    mirrors[1].control.form(trashed=True)
    with pytest.raises(CredentialsError):
        mirrors[1].sync(mode="exact")
    assert mirrors[1].found() == before
    check([mirrors[0], mirrors[2]])
    if after_a_sync:
        mirrors[1].control.form(trashed=False)
        check(mirrors)


def test_a_table_that_one_form_lacks_is_no_fault_of_another(mirrors: list[OneOfMany], tables: Engine) -> None:
    check(mirrors)
    with tables.begin() as connection:
        connection.execute(text("DROP TABLE small__files"))
    assert mirrors[0].verify().equal
    with pytest.raises(MissingTablesError, match="small__files"):
        mirrors[2].verify()
    check(mirrors)


def test_what_is_told_without_a_form_is_about_all(mirrors: list[OneOfMany], tables: Engine) -> None:
    household, everything = mirrors[1], mirrors[0]
    household.sync()
    everything.sync()
    with tables.connect() as connection:
        first = first_bound(connection)
    assert first is not None and first.asset_uid == household.uid
    note_not_started(tables, "a", KoboMirrorError("No form is known."))
    note_not_started(tables, "b", KoboMirrorError("One is."), everything.uid)
    with tables.connect() as connection:
        t = sync_runs.c
        noted = connection.execute(select(t.error, t.asset_uid).where(t.error.is_not(None))).all()
    assert sorted(map(tuple, noted)) == [
        ("No form is known.", everything.uid),
        ("No form is known.", household.uid),
        ("One is.", everything.uid),
    ]


def test_the_delete_guard_holds_for_all_forms_of_a_server_together(mirrors: list[OneOfMany]) -> None:
    check(mirrors)
    first, second, third = mirrors
    for mirror in mirrors:
        mirror.control.delete(mirror.control.ids()[:5])
    assert [first.sync(mode="exact")["deleted"], second.sync(mode="exact")["deleted"]] == [5, 5]
    with pytest.raises(DeletesWaitError, match="Other forms of this server have lost 10") as waiting:
        third.sync(mode="exact")
    assert third.sync(mode="exact", confirm=code_of(waiting.value))["deleted"] == 5
    first.control.delete(first.control.ids()[0])
    with pytest.raises(DeletesWaitError, match="Other forms of this server have lost 5"):
        first.sync(mode="exact")  # the third form's were confirmed, and do not count
