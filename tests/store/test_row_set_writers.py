"""Row sets that several write at once, or one that is killed, and in how many messages."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.database.bulk import Delete, Write, write
from kobo_mirror.database.engine import open_engine
from kobo_mirror.submissions.row_set import RowSet
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, check, document, put
from tests.support.forms.read_back import read_back, wanted
from tests.support.forms.row_set_writing import RowSetWriting, clocks_of, forget, messages
from tests.support.forms.surveys import survey
from tests.support.tables import ledger, run_sql


@pytest.fixture
def writing(applying: Applying) -> RowSetWriting:
    applying.apply(survey(MEMBERS))
    return RowSetWriting(applying)


def test_a_process_that_is_killed_leaves_nothing_half_written(writing: RowSetWriting) -> None:
    before = [document(7), document(8, 4, 2)]
    put(writing, *before)
    after = [document(7, 3, name="Bea"), document(8, 1, 0), document(9)]
    plain = RowSetWriting(Applying(open_engine(writing.engine.url)))
    point = CrashPoint(plain.engine)
    for statements in count():
        try:
            with point.crash_after(statements):
                put(plain, *after)
        except Crash:
            check(writing, *before)
        else:
            break
    assert statements > 10
    check(writing, *after)
    plain.engine.dispose()


def test_two_writers_of_one_submission_end_in_one_of_the_states_whole(writing: RowSetWriting) -> None:
    """New, and then known: the loser of the race writes over what the winner wrote."""
    states = [document(7, 3, 2, name="Ann"), document(7, 1, 4, name="Bea", age="5", _attachments=[])]
    for turn in range(6):
        if turn % 3 == 0:
            writing.remove(7)
            run_sql(writing.engine, "DELETE FROM kobo_submissions")
        together(writing, [[state, document(8 + number)] for number, state in enumerate(states)] * 2)
        others = [document(8), document(9)]
        found = read_back(writing.engine, UID)
        assert found in [wanted(writing.shape(state, *others)) for state in states]


def together(writing: RowSetWriting, pages: Sequence[list[dict[str, Any]]]) -> None:
    """Write pages side by side."""
    shaped: list[list[RowSet]] = [writing.shape(*page) for page in pages]
    start, problems = threading.Barrier(len(pages)), list[BaseException]()

    def work(row_sets: list[RowSet]) -> None:
        try:
            start.wait()
            writing.write(*row_sets)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(row_sets,)) for row_sets in shaped]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_rows_go_before_those_that_they_belong_to(writing: RowSetWriting) -> None:
    """So no database has to follow a reference to delete them."""
    change = writing.known(*writing.shape(document(7)))
    with writing.engine.connect() as connection:
        for statements in (
            writing.writes.removals(connection, [7]),
            writing.writes.statements(connection, [change]),
        ):
            deleted = [one.table for one in statements if isinstance(one, Delete)]
            for place, table in enumerate(deleted):
                assert not {key.column.table for key in table.foreign_keys} & {*deleted[:place]}
            written = [one.table for one in statements if isinstance(one, Write)]
            for place, table in enumerate(written):
                assert not {key.column.table for key in table.foreign_keys} & {*written[place + 1 :]}
    assert len(deleted) == 4


@pytest.mark.parametrize("pets", [0, 2])
def test_a_writer_waits_for_no_row_of_another_submission(writing: RowSetWriting, pets: int) -> None:
    """Tables are small, and for a list of ids the server would read, and lock, all of their rows."""
    if writing.engine.dialect.name == "sqlite":  # it has one writer at a time
        return
    put(writing, *map(document, range(1, 9)))
    odd, even = ([document(i, 1, pets) for i in ids] for ids in (range(1, 9, 2), range(2, 600, 2)))
    with writing.engine.begin() as holding, writing.engine.begin() as other:
        other.execute(text("SET innodb_lock_wait_timeout = 1"))
        for connection, documents in ((holding, odd), (other, even)):
            changes = [writing.known(row_set) for row_set in writing.shape(*documents)]
            write(connection, *writing.writes.statements(connection, changes))
    check(writing, *odd, *even)


def test_a_new_delivery_is_one_message_and_a_commit(server_engine: Engine) -> None:
    applying = Applying(server_engine)
    try:
        applying.apply(survey(MEMBERS))
        writing = RowSetWriting(applying)
        with server_engine.begin() as connection, messages(server_engine) as sent:
            writing.push_in(connection, writing.shape(document(7)))
        assert len(sent) == 1
        tables = ("survey", "survey__members", "survey__pets", "survey__files", "kobo_rejected_cells")
        for table in ("kobo_submissions", *tables, "kobo_tallies"):
            assert f"INSERT INTO `{table}`" in sent[0]
        assert "DELETE" not in sent[0]
        check(writing, document(7))
        assert {inserted for _, inserted in clocks_of(server_engine).values()} == {
            row["first_seen_at"] for row in ledger(server_engine).values()
        }
        put(writing, document(7, 1), document(8))
        check(writing, document(7, 1), document(8))
    finally:
        forget(applying)


def test_a_page_that_is_known_takes_few_messages(server_engine: Engine) -> None:
    applying = Applying(server_engine)
    try:
        applying.apply(survey(MEMBERS))
        writing = RowSetWriting(applying)
        put(writing, *map(document, range(1000)))
        with messages(server_engine) as sent:
            put(writing, *(document(i, 3, name="Bea") for i in range(1000)))
        assert len(sent) <= 5, "clock, ledger, rejected cells, all writes"
        check(writing, *(document(i, 3, name="Bea") for i in range(1000)))
    finally:
        forget(applying)
