from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, update

from kobo_mirror.database.engine import open_engine, transact
from kobo_mirror.errors import DatabaseError
from kobo_mirror.store.tables import submissions
from tests.support.submissions import ASSET, edited, submission
from tests.support.tables import answers, ledger, queued_refs
from tests.support.writing import Writing


def together(*works: Callable[[], Any]) -> None:
    """Run them side by side; whatever one of them raises is raised here."""
    problems: list[BaseException] = []

    def guarded(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def history(kobo_id: int, edits: int) -> list[dict[str, Any]]:
    """The states of a submission, from the first to the newest; ``age`` tells which edit it is."""
    states = [submission(kobo_id, age="100")]
    for number in range(edits):
        states.append(edited(states[-1], age=str(101 + number)))
    return states


def test_deliveries_of_one_new_submission_at_once(engine: Engine) -> None:
    writing = Writing(engine)
    for kobo_id in range(1, 6):
        states = history(kobo_id, 5)
        start = threading.Barrier(len(states))

        def deliver(data: dict[str, Any], start: threading.Barrier = start) -> None:
            start.wait()
            writing.push(data)

        together(*(lambda data=data: deliver(data) for data in states))
        newest = answers(engine)[kobo_id]["age"] == 105
        assert newest or str(kobo_id) in queued_refs(engine)
    writing.pull(*(history(kobo_id, 5)[-1] for kobo_id in range(1, 6)))
    assert {row["age"] for row in answers(engine).values()} == {105}


def touch(connection: Connection, kobo_id: int) -> None:
    mine = (submissions.c.asset_uid == ASSET) & (submissions.c.kobo_id == kobo_id)
    connection.execute(select(submissions.c.kobo_id).where(mine).with_for_update()).one()
    connection.execute(update(submissions).where(mine).values(submitted_by=submissions.c.submitted_by + "+"))


def test_a_deadlock_is_undone_and_done_again(engine: Engine) -> None:
    Writing(engine).pull(submission(1), submission(2))
    both_hold_one = threading.Barrier(2)
    attempts: list[int] = []

    def work(ids: Sequence[int]) -> None:
        def statements(connection: Connection) -> None:
            attempts.append(ids[0])
            touch(connection, ids[0])
            with suppress(threading.BrokenBarrierError):
                both_hold_one.wait(0.3)  # SQLite lets only one get here: it goes on alone
            touch(connection, ids[1])

        transact(engine, statements)

    together(lambda: work([1, 2]), lambda: work([2, 1]))
    assert {row["submitted_by"] for row in ledger(engine).values()} == {"meg++"}
    assert len(attempts) == (2 if engine.dialect.name == "sqlite" else 3)


def hold(engine: Engine, kobo_id: int, seconds: float, held: threading.Event) -> None:
    with engine.begin() as connection:
        touch(connection, kobo_id)
        held.set()
        time.sleep(seconds)


@pytest.mark.parametrize("origin", ["pushed", "pulled"])
def test_a_lock_is_waited_for(engine: Engine, origin: str) -> None:
    writing = Writing(engine)
    first = submission(1)
    writing.pull(first)
    held = threading.Event()

    def write() -> None:
        held.wait()
        if origin == "pushed":
            assert writing.push(edited(first, age="40")).result == "updated"
        else:
            writing.pull(edited(first, age="40"))

    together(lambda: hold(engine, 1, 0.4, held), write)
    assert answers(engine)[1]["age"] == 40
    assert ledger(engine)[1]["submitted_by"] == "meg"


def test_a_lock_that_stays_is_an_error_in_time_and_nothing_is_written(url: str, engine: Engine) -> None:
    Writing(engine).pull(submission(1))
    hasty = open_engine(url, patience=1)
    writing = Writing(hasty, holder="test")
    before, held, waited = ledger(engine), threading.Event(), []

    def write() -> None:
        held.wait()
        start = time.monotonic()
        with pytest.raises(DatabaseError, match=r"^The database could not take it: .*lock"):
            writing.push(edited(submission(1), age="40"))
        waited.append(time.monotonic() - start)

    holder = threading.Thread(target=hold, args=(engine, 1, 3.0, held))
    holder.start()
    write()
    holder.join()
    assert 0.5 < waited[0] < 2.9
    assert {**ledger(engine)[1], "submitted_by": "meg"} == before[1]
    assert writing.push(edited(submission(1), age="40")).result == "updated"
    hasty.dispose()


IDS = range(1, 13)
PUSHERS = 8


def test_a_puller_and_eight_pushers_on_the_same_submissions_lose_nothing(engine: Engine) -> None:
    writing = Writing(engine)
    truth = {kobo_id: [submission(kobo_id, age="100")] for kobo_id in IDS}
    ended, lock = threading.Event(), threading.Lock()
    seen: dict[int, int] = dict.fromkeys(IDS, 0)

    def edit_and_deliver(seed: int) -> None:
        """Edits on the server, and deliveries of any state that it ever had, old ones too."""
        dice = random.Random(seed)
        for _ in range(25):
            kobo_id = dice.choice(IDS)
            with lock:
                states = truth[kobo_id]
                states.append(edited(states[-1], age=str(100 + len(states))))
                delivered = dice.choice(states[-3:])
            writing.push(delivered)

    def pull() -> None:
        while not ended.is_set():
            sent_at = writing.now()
            with lock:
                page = [states[-1] for states in truth.values()]
            time.sleep(0.01)  # the answer travels
            writing.pull(*page, sent_at=sent_at, window=(0, None))

    def watch() -> None:
        while not ended.is_set():
            for kobo_id, row in answers(engine).items():
                assert row["age"] >= seen[kobo_id], "an old state overwrote a newer one"
                seen[kobo_id] = row["age"]

    def push_all() -> None:
        try:
            together(*(lambda seed=seed: edit_and_deliver(seed) for seed in range(PUSHERS)))
        finally:
            ended.set()

    together(push_all, pull, watch)
    writing.pull(*(states[-1] for states in truth.values()))
    assert {key: row["age"] for key, row in answers(engine).items()} == {
        kobo_id: 99 + len(states) for kobo_id, states in truth.items()
    }
    assert sum(len(states) for states in truth.values()) == len(IDS) + PUSHERS * 25
