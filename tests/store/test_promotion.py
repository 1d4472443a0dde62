"""Answers that waited in ``extra`` reach their columns once a schema has grown; little else is asked for."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DatabaseError, LeaseError, SchemaError
from kobo_mirror.store.leases import release_lease, take_lease
from kobo_mirror.store.promotion import REASON, Promoted, finish_growth, promote
from kobo_mirror.store.tables import submissions, to_fetch
from kobo_mirror.store.waiting_submissions import waiting_submissions
from kobo_mirror.submissions.waiting_answers import WaitingAnswers
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, check, document, put
from tests.support.forms.promoting import Before, drain, finish, note_all_read, queued
from tests.support.forms.read_back import read_back
from tests.support.forms.row_set_writing import RowSetWriting, clocks_of, messages
from tests.support.forms.surveys import Row, ask, group, repeat, survey
from tests.support.tables import run_sql

IDS = range(1, 13)
VISITS = repeat("visits", ask("date", "day"), repeat("notes", ask("text", "note")))
LATER: list[Row] = [
    *ask("text", "name"), *ask("integer", "age"), *ask("image", "photo"), *ask("text", "colour"),
    *repeat("members", ask("text", "who"), ask("date", "born"), ask("text", "job"),
            repeat("pets", ask("text", "pet"), ask("integer", "legs"))),
    *VISITS, *group("home", ask("geopoint", "where")),
]  # fmt: skip
"""MEMBERS, with births in the root, a repeat and a repeat in that one, another repeat, and a group."""
WAITING: dict[int, dict[str, Any]] = {
    2: {"colour": "red"},
    3: {"members": [{"members/who": "m"}, {"members/job": "cook"}]},
    4: {"members": [{"members/pets": [{"members/pets/pet": "p"}, {"members/pets/legs": "4"}]}]},
    5: {"visits": [{"visits/day": "2026-01-02", "visits/notes": [{"visits/notes/note": "n"}]}, {}]},
    6: {"visits/notes/note": "a plain key"},
    8: {"home": [{"home/where": "1 2"}]},
}
DOCUMENTS = [document(i, **WAITING.get(i, {"colours": "x", "other/visits": "y"})) for i in IDS]


def grown(applying: Applying, *documents: dict[str, Any]) -> Applying:
    """A form that has grown after submissions were written."""
    applying.apply(survey(MEMBERS))
    put(RowSetWriting(applying), *(documents or DOCUMENTS))
    applying.apply(survey(MEMBERS, LATER))
    return applying


def digests(engine: Engine) -> dict[int, tuple[bool, bool]]:
    """Whether the document's and the rows' digest are there."""
    with engine.connect() as connection:
        t = submissions.c
        rows = connection.execute(
            select(t.kobo_id, t.document_digest.is_not(None), t.row_digest.is_not(None))
        )
        return {row[0]: (bool(row[1]), bool(row[2])) for row in rows}


def test_just_those_whose_answers_wait_are_asked_for_and_become_what_they_should_be(
    applying: Applying,
) -> None:
    engine = grown(applying).engine
    epoch, clocks = applying.epoch, clocks_of(engine)
    assert finish(applying) == Promoted(len(WAITING), epoch_rose=False)
    assert queued(engine) == {*WAITING}
    assert digests(engine) == {i: (i not in WAITING, True) for i in IDS}
    with engine.connect() as connection:
        assert set(connection.scalars(select(to_fetch.c.reason))) == {REASON}
    assert applying.stored
    assert (applying.stored.waiting, applying.epoch) == (frozenset(), epoch)
    assert drain(applying, DOCUMENTS) == len(WAITING)
    check(RowSetWriting(applying), *DOCUMENTS)
    assert {i for i, moved in clocks_of(engine).items() if moved != clocks[i]} == {*WAITING}
    assert finish(applying) == Promoted(0, epoch_rose=False)
    assert queued(engine) == set()


def test_where_nothing_is_left_to_do_one_statement_is_sent(applying: Applying) -> None:
    grown(applying)
    note_all_read(applying)
    assert finish(applying).submissions == len(WAITING)
    schema = applying.schema
    assert schema
    with messages(applying.engine) as sent:
        assert finish_growth(applying.engine, schema, applying.lease) == Promoted(0, epoch_rose=False)
    assert len(sent) == 1


def test_a_submission_that_is_asked_for_in_vain_keeps_its_time(applying: Applying) -> None:
    """A row's own item at a path that is born stays where it is: rule 4 of the rows."""
    stays = document(1, members=[{"visits": "of no visit"}])
    engine = grown(applying, stays).engine
    clocks = clocks_of(engine)
    assert finish(applying).submissions == 1
    assert drain(applying, [stays]) == 1
    check(RowSetWriting(applying), stays)
    assert clocks_of(engine) == clocks


def test_a_list_that_was_rejected_is_read_as_the_group_that_its_question_became(applying: Applying) -> None:
    before = [*ask("text", "name"), *ask("integer", "age")]
    listed = {"_id": 1, "name": [{"name/first": "Ann"}], "age": "[no list"}
    applying.apply(survey(before))
    put(RowSetWriting(applying), listed, {"_id": 2, "name": "Ann", "age": "[no list"})
    applying.apply(survey(before, [*before, *group("name", ask("text", "first"))]))
    assert finish(applying).submissions == 1
    drain(applying, [listed])
    found = read_back(applying.engine, UID)
    assert found.rows["survey", (1,)]["first"] == "Ann"


def test_what_was_rejected_whole_is_asked_for_too(applying: Applying) -> None:
    """It has no row: what waits in it, and whether it fits now, only the server can say."""
    grown(applying, document(1))
    with applying.engine.begin() as connection:
        moment = connection.scalar(select(submissions.c.first_seen_at))
        for kobo_id, state in ((7, "rejected"), (8, "deleted")):
            row = {"asset_uid": UID, "kobo_id": kobo_id, "state": state, "first_seen_at": moment}
            connection.execute(insert(submissions).values(row))
    assert finish(applying).submissions == 1
    assert queued(applying.engine) == {7}


def test_of_many_the_whole_form_is_shaped_anew(applying: Applying) -> None:
    documents = [document(i, colour="red") for i in range(1, 12)]
    grown(applying, *documents)
    epoch = applying.epoch
    assert finish(applying) == Promoted(0, epoch_rose=True)
    assert queued(applying.engine) == set()
    assert applying.stored
    assert (applying.stored.waiting, applying.epoch) == (frozenset(), epoch + 1)
    writing = RowSetWriting(applying)
    assert put(writing, *documents) == len(documents)
    check(writing, *documents)
    assert finish(applying) == Promoted(0, epoch_rose=False)


def test_five_percent_are_few(applying: Applying) -> None:
    documents = [document(i, 0, **({"colour": "red"} if i % 20 == 0 else {})) for i in range(1, 301)]
    grown(applying, *documents)
    assert finish(applying) == Promoted(15, epoch_rose=False)


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 500])
def test_whatever_is_read_at_once_each_is_found_once_and_in_order(applying: Applying, at_once: int) -> None:
    schema = grown(applying).schema
    assert schema
    assert applying.stored
    answers = WaitingAnswers(applying.stored.waiting, schema.repeats)
    found = list(waiting_submissions(applying.engine, schema, answers, at_once=at_once))
    assert found == sorted(set(found))
    assert {*WAITING} <= {*found}
    if at_once > 2:
        assert found == sorted(WAITING)


def test_a_process_that_is_killed_at_any_moment_leaves_what_the_next_one_finishes(applying: Applying) -> None:
    applying.apply(survey(ask("text", "name")))
    documents = [{"_id": 1, "name": "Ann"}, {"_id": 2, "colour": "red"}, {"_id": 3, "colour": "x"}]
    put(RowSetWriting(applying), *documents)
    applying.apply(survey(ask("text", "name"), ask("text", "colour")))
    engine = applying.engine
    before, point = Before(applying), CrashPoint(engine)
    outcomes = set()
    for statements in count():
        before.return_to()
        try:
            with point.crash_after(statements):
                finish(applying)
        except Crash:
            assert applying.stored
            outcomes.add((bool(applying.stored.waiting), bool(queued(engine))))
            finish(applying)
        else:
            break
        assert queued(engine) == {2, 3}, statements
        assert digests(engine) == {i: (i == 1, True) for i in (1, 2, 3)}, statements
        assert applying.stored.waiting == set()
    assert {(True, False), (True, True)} <= outcomes <= {(True, False), (True, True), (False, True)}
    drain(applying, documents)
    check(RowSetWriting(applying), *documents)


def test_paths_that_were_added_meanwhile_wait_on(applying: Applying) -> None:
    engine = grown(applying).engine
    is_added = False

    def add(connection: Connection) -> None:
        nonlocal is_added
        if not is_added and queued_in(connection):
            is_added = True
            change = 'UPDATE kobo_forms SET paths_to_promote = \'["colour", "later"]\''
            connection.execute(text(change))

    event.listen(engine, "commit", add)
    finish(applying)
    event.remove(engine, "commit", add)
    assert is_added
    assert applying.stored
    assert applying.stored.waiting == {"colour", "later"}
    assert finish(applying).submissions == 1
    assert applying.stored.waiting == set()


def queued_in(connection: Connection) -> bool:
    return connection.execute(select(to_fetch.c.ref).limit(1)).first() is not None


def test_a_sync_that_has_lost_its_lease_changes_nothing(applying: Applying) -> None:
    engine = grown(applying).engine
    release_lease(engine, UID, "a sync")
    take_lease(engine, UID, "another sync")
    with pytest.raises(LeaseError):
        finish(applying)
    assert queued(engine) == set()
    assert applying.stored
    assert applying.stored.waiting


def test_a_schema_that_is_not_in_force_promotes_nothing(applying: Applying) -> None:
    grown(applying)
    with pytest.raises(SchemaError, match="were changed meanwhile: start the sync again"):
        promote(applying.engine, survey(MEMBERS), applying.lease)
    assert queued(applying.engine) == set()
    run_sql(applying.engine, "DELETE FROM kobo_forms")
    assert promote(applying.engine, survey(MEMBERS), applying.lease) == Promoted(0, epoch_rose=False)


def test_writers_go_on_while_submissions_are_asked_for(on_server: Applying) -> None:
    """A writer holds the form's row shared; only what ends the promotion waits for it."""
    grown(on_server)
    assert on_server.schema
    impatient = open_engine(on_server.engine.url, patience=1)
    with on_server.engine.connect() as writer:
        writer.execute(text("SELECT epoch FROM kobo_forms WHERE form_table = 'survey' LOCK IN SHARE MODE"))
        with pytest.raises(DatabaseError, match="it kept a lock for too long"):
            promote(impatient, on_server.schema, on_server.lease)
    impatient.dispose()
    assert queued(on_server.engine) == {*WAITING}
    assert on_server.stored
    assert on_server.stored.waiting
