"""Deliveries: nothing is read for new submissions, and known ones are decided again with what is stored."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.tables import tallies
from kobo_mirror.store.writer import Writer
from tests.support.submissions import MIRROR, body, edited, state, submission
from tests.support.tables import answers, ledger, queued_refs, records, rows_of
from tests.support.writing import Writing


@pytest.fixture
def asked(server_engine: Engine) -> list[str]:
    """The locking questions that were put to the ledger."""
    questions: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "FROM kobo_submissions" in statement and "FOR UPDATE" in statement:
            questions.append(statement)

    event.listen(server_engine, "before_cursor_execute", note)
    return questions


@pytest.fixture
def refused(server_engine: Engine) -> list[Any]:
    """What the database refused."""
    errors: list[Any] = []
    event.listen(server_engine, "handle_error", errors.append)
    return errors


def test_a_new_submission_has_one_moment_everywhere(writing: Writing, engine: Engine) -> None:
    before = writing.now()
    pushed = writing.writer.push_all([state(submission(key)) for key in (1, 2)])
    assert [one.result for one in pushed] == ["inserted"] * 2
    held = ledger(engine)
    assert before <= held[1]["pushed_at"] <= writing.now()
    assert len({row[name] for row in held.values() for name in ("pushed_at", "first_seen_at")}) == 1
    assert {row["inserted_at"] for row in records(engine).values()} == {held[1]["first_seen_at"]}
    (tally,) = rows_of(engine, tallies)
    assert (tally["day"], tally["way"], tally["arrived"]) == (held[1]["pushed_at"].date(), "pushed", 2)


def test_known_ones_among_new_ones_are_decided_by_what_is_stored(writing: Writing, engine: Engine) -> None:
    assert writing.results([submission(1), submission(2)]) == ["inserted"] * 2
    first_seen = ledger(engine)[1]["first_seen_at"]
    mixed = [submission(3), edited(submission(1), age="44"), submission(2), submission(3), submission(4)]
    pushed = writing.writer.push_all([state(data) for data in mixed])
    assert [one.result for one in pushed] == ["inserted", "updated", "unchanged", "unchanged", "inserted"]
    assert {key: row["age"] for key, row in answers(engine).items()}[1] == 44
    assert set(records(engine)) == set(ledger(engine)) == {1, 2, 3, 4}
    assert ledger(engine)[1]["first_seen_at"] == first_seen
    assert sum(row["arrived"] for row in rows_of(engine, tallies)) == 4


def test_a_tombstone_among_new_ones_is_only_asked_for(writing: Writing, engine: Engine) -> None:
    writing.pull(submission(1))
    writing.remove(1)
    pushed = writing.writer.push_all([state(submission(key)) for key in (1, 2)])
    assert [one.result for one in pushed] == ["deferred", "inserted"]
    assert set(records(engine)) == {2}
    assert "1" in queued_refs(engine)


def test_nothing_is_read_for_what_is_new(server_engine: Engine, asked: list[str]) -> None:
    assert Writing(server_engine).results([submission(1), submission(2)]) == ["inserted"] * 2
    assert asked == []


def test_after_a_known_one_the_next_is_read_for_at_once(
    server_engine: Engine, asked: list[str], refused: list[Any]
) -> None:
    writing = Writing(server_engine)
    assert writing.results([submission(1), submission(1)]) == ["inserted", "unchanged"]
    assert (len(refused), len(asked)) == (1, 1)
    assert writing.results([submission(1), submission(2)]) == ["unchanged", "inserted"]
    assert (len(refused), len(asked)) == (1, 3)
    assert writing.results([submission(3)]) == ["inserted"]
    assert (len(refused), len(asked)) == (1, 3)


def test_a_part_of_a_submission_is_read_for(server_engine: Engine, asked: list[str]) -> None:
    writing = Writing(server_engine)
    assert writing.results([submission(1), submission(1, _uuid=None)]) == ["inserted", "deferred"]
    assert len(asked) == 1
    held = ledger(server_engine)[1]
    assert held["pushed_at"] > held["first_seen_at"]  # a pull under way must not take it for untouched


def test_a_connection_that_was_cut_is_no_failure_without_a_ping(server_engine: Engine) -> None:
    engine = open_engine(server_engine.url, ping=False)
    bind(engine, MIRROR)
    writer = Writer(engine, MIRROR)
    assert writer.push(body(submission(1))).result == "inserted"
    with engine.connect() as connection:
        number = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    with server_engine.connect() as connection:
        connection.execute(text(f"KILL {number}"))
    assert writer.push(body(submission(2))).result == "inserted"
    assert set(records(server_engine)) == {1, 2}
    engine.dispose()
