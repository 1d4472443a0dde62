"""The plan of each statement on the tables of a derived form, collected from real runs, on each database."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.cli.status import status
from kobo_mirror.config.policies import AUTO
from kobo_mirror.database.engine import reading
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.store.form_contents import tables_of
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.rejected_cells import rejected_cells
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.replay import replay_rejections
from kobo_mirror.sync.verify import verify
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import Content, content, row
from tests.support.drivers import DRIVERS
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.query_plans import collecting, grow, read_whole
from tests.support.submissions import body, edited

pytestmark = pytest.mark.parametrize(
    "fresh_url", [DRIVERS[0], pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)

ROWS, COPIES = 200, 6
OTHERS = {"asset_uid": "'aOtherForm{copy}'"}
"""Of the copies: in tables of all forms most rows are of others, so that a scan is no way to read one."""
NAME = "plans"
FURTHER = 220  # texts, more than one table holds
OURS = ("kobo_submissions", "kobo_rejected_cells")
WALKS = (
    r"coalesce\(sum\(plans(__members)?\.\w+__rows",  # an exact run sums up how many rows repeats should have
)
SEEN = (
    r"DELETE .*plans__visits",  # a page's rows of repeats, before they are written anew
    r"FROM plans__2 \nWHERE plans__2.kobo_id > .* ORDER BY",  # a proof reads back a window
    r"FROM plans__members \nWHERE plans__members.kobo_id IN",  # and some submissions once more
    r"INSERT INTO plans__2 .*LEFT OUTER JOIN plans__2",  # back-fill
    r"FROM plans LEFT OUTER JOIN plans__2",  # what it is to do, and which submissions differ
    r"kobo_rejected_cells LEFT OUTER JOIN plans ",  # cells of no submission
    r"plans.extra IS NOT NULL",  # promotion
    r"GROUP BY plans__visits.kobo_id, plans__visits.pos_1",
    r"FROM plans__files \nWHERE plans__files.kobo_id > ",  # the sweep of files
)
"""Statements that must be among those collected."""


def form(*, further: int = 0, repeated: bool = False) -> Content:
    """A form with a repeat in a repeat; its later version has a part more, and a group that is a repeat."""
    kind = "repeat" if repeated else "group"
    return content(
        row("text", "town"),
        row("integer", "age"),
        row("image", "photo"),
        row(f"begin_{kind}", "home"),
        row("text", "roof"),
        row(f"end_{kind}"),
        row("begin_repeat", "members"),
        row("text", "who"),
        row("begin_repeat", "visits"),
        row("integer", "days"),
        row("end_repeat"),
        row("end_repeat"),
        *(row("text", f"later_{number}") for number in range(further)),
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    file = form_file(tmp_path_factory.mktemp("plans"), NAME, form(), rows=ROWS)
    with SimulatorProcess(form=[file]) as running:
        yield running


@pytest.fixture
def mirroring(served: SimulatorProcess, fresh_url: str) -> Iterator[AnyMirror]:
    served.control.reset(rows=ROWS)
    with any_mirror(served, uid_of(NAME), fresh_url) as mirror:
        yield mirror


def _do_everything(mirror: AnyMirror) -> None:
    control, engine = mirror.control, mirror.engine
    mirror.sync()
    ids = control.ids()
    control.edit(ids[10:20], town="Bor", age="41")
    control.edit(ids[20:22], age="abc")  # rejected cells
    control.delete(ids[30:33])
    mirror.sync(mode="exact")
    control.edit(ids[40:42], age="42")
    _age_sweep_of_files(engine)
    mirror.sync(mode="incremental")
    (known,) = control.rows(ids[50])
    for delivery in (known | {"_id": ids[-1] + 1}, known, edited(known, town="Goma")):
        Writer(engine, mirror.mirror).push(body(delivery))
    _mend_what_is_broken(mirror, ids)
    control.raw(ids[90], {"later_0": "answered before the form asks it"})
    mirror.sync(mode="exact")
    control.deploy(form(further=FURTHER))
    mirror.sync(mode="incremental")
    control.deploy(form(further=FURTHER, repeated=True))
    mirror.sync(mode="exact", wanted=WantedForm(schema=AUTO))
    control.edit(ids[60:70], drawn=True)
    mirror.sync(mode="exact")
    assert mirror.verify().equal
    _show(mirror)


def _age_sweep_of_files(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE kobo_forms SET files_swept_at = NULL"))


def _mend_what_is_broken(mirror: AnyMirror, ids: list[int]) -> None:
    with mirror.engine.begin() as connection:
        for statement in (
            "UPDATE plans SET age = 7 WHERE kobo_id = :id",
            "DELETE FROM plans__members WHERE kobo_id > :id AND pos = 1 AND kobo_id < :id + 9",
            "DELETE FROM plans__files WHERE kobo_id > :id AND kobo_id < :id + 30",
        ):
            connection.execute(text(statement), {"id": ids[80]})
    mirror.sync(mode="exact")
    with mirror.engine.begin() as connection:
        connection.execute(text("DELETE FROM plans WHERE kobo_id = :id"), {"id": ids[81]})
    with mirror.client() as client:
        syncing = MirrorSync(client, mirror.engine, server=mirror.mirror.server)
        syncing.repair(mirror.verify())
        replay_rejections(mirror.engine, mirror.mirror, syncing.ask_again)
        verify(client, mirror.engine, mirror.mirror, lambda *_: None, full=False)
    assert mirror.verify().equal


def _show(mirror: AnyMirror) -> None:
    status(mirror.engine)
    asset = mirror.mirror.asset_uid
    with reading(mirror.engine) as connection:
        read_state(connection, FORM, asset)
        tables_of(connection, asset)
        first = rejected_cells(connection, asset, limit=1, shown=10)
        rejected_cells(connection, asset, after=first[0].place, limit=100)


def test_no_statement_reads_a_whole_table_of_a_form(mirroring: AnyMirror) -> None:
    with collecting(mirroring.engine, (*OURS, NAME)) as collected:
        _do_everything(mirroring)
    schema = mirroring.mirror.schema
    assert schema is not None
    made = [table.name for table in physical_tables(schema).sorted_tables]
    assert {"plans__2", "plans__home", "plans__members", "plans__visits", "plans__files"} <= {*made}
    tables = [*OURS, *made]
    with mirroring.engine.begin() as connection:
        grow(connection, tables, COPIES, OTHERS)
    slow = {}
    with mirroring.engine.connect() as connection:
        for statement, parameters in collected.values():
            walk = any(re.search(mark, statement) for mark in WALKS)
            if not walk and (whole := read_whole(connection, statement, parameters, tables)):
                slow[statement] = whole
    assert not slow
    said = [statement for statement, _ in collected.values()]
    assert [mark for mark in SEEN if not any(re.search(mark, one, re.DOTALL) for one in said)] == []


def test_a_statement_that_reads_a_whole_table_is_seen(mirroring: AnyMirror) -> None:
    """The check above can fail."""
    mirroring.sync()
    tables = ["plans", "plans__members"]
    with mirroring.engine.begin() as connection:
        grow(connection, tables, 3, {})
        by_answer = "SELECT kobo_id FROM plans__members AS m WHERE who = 'x'"
        joined = "DELETE FROM plans WHERE EXISTS (SELECT 1 FROM plans__members AS m WHERE m.who = plans.town)"
        assert read_whole(connection, by_answer, (), tables)
        assert read_whole(connection, joined, (), tables)
        assert not read_whole(connection, "SELECT who FROM plans__members WHERE kobo_id = 1", (), tables)
