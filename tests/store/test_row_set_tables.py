"""Row sets grow, shrink, vanish, and only what changed moves a time; rows of any size."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, check, document, put
from tests.support.forms.read_back import read_back, wanted
from tests.support.forms.row_set_writing import RowSetWriting, clocks_of, messages
from tests.support.forms.surveys import ask, repeat, survey
from tests.support.tables import ledger, run_sql


@pytest.fixture
def writing(applying: Applying) -> RowSetWriting:
    applying.apply(survey(MEMBERS))
    return RowSetWriting(applying)


def test_rows_grow_shrink_and_vanish_with_the_submission(writing: RowSetWriting) -> None:
    for members, pets in ((2, 1), (5, 3), (1, 0), (0, 0), (3, 2)):
        assert put(writing, document(7, members, pets), document(8)) >= 1
        check(writing, document(7, members, pets), document(8))
    fitting = document(7, age="5", other=None, _attachments=[])
    put(writing, fitting)
    check(writing, fitting, document(8))
    writing.remove(8, 7)
    assert read_back(writing.engine, UID) == wanted([])
    put(writing, document(8))
    check(writing, document(8))


def test_what_is_as_before_is_not_written_and_no_time_moves(writing: RowSetWriting) -> None:
    put(writing, document(7), document(8))
    first = clocks_of(writing.engine)
    assert {moved == inserted for moved, inserted in first.values()} <= {True, False}
    with messages(writing.engine) as sent:
        assert put(writing, document(7), document(8)) == 0
    assert not any("survey" in statement for statement in sent)
    assert clocks_of(writing.engine) == first


@pytest.mark.parametrize(
    "changed",
    [
        {"members": [{"members/who": "another"}]},
        {"age": "old"},
        {"_attachments": [{"uid": "another", "media_file_basename": "a.png"}]},
        {"other": "!"},
        {"name": "Bea"},
        {"members": []},
    ],
    ids=str,
)
def test_any_change_of_the_row_set_moves_the_time_of_the_root(
    writing: RowSetWriting, changed: dict[str, Any]
) -> None:
    put(writing, document(7), document(8))
    first = clocks_of(writing.engine)
    time.sleep(0.002)
    put(writing, document(7, **changed), document(8))
    then = clocks_of(writing.engine)
    assert then[8] == first[8]
    assert then[7][0] > first[7][0]
    assert then[7][1] == first[7][1]


@pytest.mark.parametrize("why", ["epoch", "digest"])
def test_all_tables_are_written_anew_and_only_what_changed_moves_its_time(
    writing: RowSetWriting, why: str
) -> None:
    put(writing, document(7), document(8), document(9))
    first = clocks_of(writing.engine)
    damage(writing.engine)
    if why == "epoch":
        writing.epoch += 1
    else:
        writing.invalidate()
    time.sleep(0.002)
    assert put(writing, document(7), document(8, name="Bea"), document(9)) == 3
    check(writing, document(7), document(8, name="Bea"), document(9))
    then = clocks_of(writing.engine)
    assert then[7] == first[7]
    assert then[8][0] > first[8][0]
    assert then[9][1] == first[9][1]


def damage(engine: Engine) -> None:
    """As a person at the database may: below 7 all but the root, of 9 the root's row as well."""
    run_sql(
        engine,
        "DELETE FROM survey__pets WHERE kobo_id IN (7, 9)",
        "UPDATE survey__members SET who = 'x'",
        "DELETE FROM survey__members WHERE kobo_id = 9",
        "DELETE FROM survey__files",
        "DELETE FROM survey WHERE kobo_id = 9",
        "UPDATE kobo_rejected_cells SET reason = 'x', column_name = 'name'",
    )


def test_rows_of_a_submission_that_the_ledger_does_not_know_give_way(writing: RowSetWriting) -> None:
    put(writing, document(7, 4, 4))
    run_sql(writing.engine, "DELETE FROM kobo_submissions")
    put(writing, document(7, 1))
    check(writing, document(7, 1))


def test_ten_thousand_rows_of_a_repeat(writing: RowSetWriting) -> None:
    for members in (10_000, 9_999, 1):
        put(writing, document(7, members), document(8))
        check(writing, document(7, members), document(8))
    writing.remove(7)
    check(writing, document(8))


def test_five_thousand_questions_with_parts(applying: Applying) -> None:
    names = [f"q{number}" for number in range(5000)]
    rows = [*ask("text", *names[:2000]), *repeat("r", ask("integer", *names[2000:]))]
    applying.apply(survey(rows))
    writing = RowSetWriting(applying)
    full = {name: name for name in names[:2000]}
    inside = {f"r/{name}": name[1:] for name in names[2000:]}
    first = {"_id": 1, **full, "r": [inside, {}, inside]}
    second = {"_id": 2, "r": [{}]}
    put(writing, first, second)
    check(writing, first, second)
    first, second = {"_id": 1, "q1999": "x"}, {"_id": 2, **full, "r": [{}, inside]}
    put(writing, first, second)
    check(writing, first, second)
    writing.remove(1)
    check(writing, second)


def test_an_answer_of_five_million_letters(writing: RowSetWriting) -> None:
    large = document(7, name="ሰ'\\\n" * 1_250_000, other="x" * 5_000_000)
    large["members"][0]["members/born"] = "no day " * 700_000
    put(writing, document(6), large, document(8))
    check(writing, document(6), large, document(8))


def test_every_letter_that_can_be_stored(writing: RowSetWriting) -> None:
    letters = "".join(chr(n) for n in range(1, 0x11_0000, 7) if not 0xD800 <= n < 0xE000)
    odd = document(7, name=letters, **{letters[:400]: letters, "age": letters})
    put(writing, odd)
    check(writing, odd)


@pytest.mark.parametrize("checked", [True, False], ids=["with foreign keys", "without"])
def test_a_file_with_and_without_foreign_keys(tmp_path: Path, checked: bool) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'mirror.sqlite'}")
    switch = f"PRAGMA foreign_keys = {'ON' if checked else 'OFF'}"
    event.listen(engine, "connect", lambda connection, _: connection.execute(switch))
    migrate(engine, KOBO_RECORDS)
    applying = Applying(engine)
    applying.apply(survey(MEMBERS))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == checked
    test_rows_grow_shrink_and_vanish_with_the_submission(RowSetWriting(applying))
    engine.dispose()


def test_a_text_that_no_column_holds_is_told_before_it_is_written(writing: RowSetWriting) -> None:
    most = 2**24 - 1
    if writing.engine.dialect.name != "sqlite":  # its message is too small: test_packets.py
        return
    fits, too_long = document(7, name="x" * most), document(8, name="ሰ" * (most // 3 + 1))
    put(writing, document(6), fits, too_long, document(9))
    check(writing, document(6), fits, document(9))
    row = ledger(writing.engine)[8]
    assert row["state"] == "rejected"
    assert row["reason"] == (
        f"its row of survey is too large: a text of {most + 3} bytes is longer than the {most} that a column "
        "holds"
    )
