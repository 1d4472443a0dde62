from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import LeaseError
from kobo_mirror.store.lanes import Step, lanes
from kobo_mirror.store.leases import (
    LIFETIME,
    Lease,
    check_lease,
    process_holder,
    release_lease,
    renew_lease,
    retake_lease,
    take_lease,
)
from kobo_mirror.store.tables import leases, sync_runs, tallies
from tests.support.submissions import ASSET, edited, submission
from tests.support.tables import ledger, queued_refs, records, rows_of, run_sql
from tests.support.writing import Writing


def age(engine: Engine, by: timedelta) -> None:
    """Let the lease look as if it was renewed so much earlier."""
    with engine.begin() as connection:
        renewed = connection.execute(select(leases.c.renewed_at)).scalar_one()
        connection.execute(update(leases).values(renewed_at=renewed - by))


def test_only_one_holder_at_a_time_and_the_other_is_told_which_and_since_when(engine: Engine) -> None:
    lease = take_lease(engine, ASSET, "first")
    since = rows_of(engine, leases)[0]["since"]
    with pytest.raises(LeaseError) as caught:
        take_lease(engine, ASSET, "second")
    assert (
        str(caught.value)
        == f"Sync first holds this form since {since:%Y-%m-%d %H:%M:%S} UTC: wait until it ends."
    )
    assert transact(engine, lambda connection: check_lease(connection, lease)) >= since


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(days=5 * 365), None], ids=str)
def test_a_lease_that_was_renewed_in_the_future_or_never_is_taken_over(
    engine: Engine, ahead: timedelta | None
) -> None:
    lease = take_lease(engine, ASSET, "first")
    if ahead:
        age(engine, -ahead)
    else:
        run_sql(engine, "UPDATE kobo_leases SET renewed_at = NULL, since = NULL")
    assert take_lease(engine, ASSET, "second").fencing_token == lease.fencing_token + 1
    with pytest.raises(LeaseError, match=r"^Another sync has taken this form over from first: "):
        renew_lease(engine, lease)


def test_a_lease_renewed_a_little_in_the_future_is_held(engine: Engine) -> None:
    take_lease(engine, ASSET, "first")
    age(engine, timedelta(minutes=-2))
    with pytest.raises(LeaseError):
        take_lease(engine, ASSET, "second")


def test_a_lease_without_its_start_is_reported_without_it(engine: Engine) -> None:
    take_lease(engine, ASSET, "first")
    run_sql(engine, "UPDATE kobo_leases SET since = NULL")
    with pytest.raises(LeaseError, match=r"^Sync first holds this form: wait until it ends\.$"):
        take_lease(engine, ASSET, "second")


def test_two_forms_have_two_leases(engine: Engine) -> None:
    assert take_lease(engine, ASSET, "first").fencing_token == 1
    assert take_lease(engine, "aOther000000000000001", "second").fencing_token == 1


def test_each_attempt_of_a_holder_has_a_new_number_and_ends_the_one_before(engine: Engine) -> None:
    first, second = take_lease(engine, ASSET, "run"), take_lease(engine, ASSET, "run")
    assert second.fencing_token == first.fencing_token + 1
    transact(engine, lambda connection: check_lease(connection, second))
    for attempt in (
        lambda: transact(engine, lambda c: check_lease(c, first)),
        lambda: renew_lease(engine, first),
    ):
        with pytest.raises(LeaseError, match=r"^Another sync has taken this form over from run: "):
            attempt()


def test_a_released_lease_may_be_taken_and_is_no_longer_valid(engine: Engine) -> None:
    lease = take_lease(engine, ASSET, "first")
    release_lease(engine, ASSET, "second")  # not its own
    transact(engine, lambda connection: check_lease(connection, lease))
    release_lease(engine, ASSET, "first")
    with pytest.raises(LeaseError):
        transact(engine, lambda connection: check_lease(connection, lease))
    assert take_lease(engine, ASSET, "second").fencing_token == lease.fencing_token + 1


def test_a_lease_that_is_not_renewed_is_taken_over_after_five_minutes(engine: Engine) -> None:
    lease = take_lease(engine, ASSET, "first")
    age(engine, LIFETIME - timedelta(seconds=30))
    with pytest.raises(LeaseError):
        take_lease(engine, ASSET, "second")
    renew_lease(engine, lease)
    age(engine, LIFETIME - timedelta(seconds=30))
    with pytest.raises(LeaseError):
        take_lease(engine, ASSET, "second")
    age(engine, timedelta(seconds=31))
    taken = take_lease(engine, ASSET, "second")
    assert taken.fencing_token == lease.fencing_token + 1
    assert rows_of(engine, leases)[0]["holder"] == "second"


ALIVE: dict[str, Callable[[Engine, Lease], object]] = {
    "renewed": renew_lease,
    "taken again": lambda engine, lease: take_lease(engine, ASSET, lease.holder),
    "another attempt": lambda engine, lease: retake_lease(engine, ASSET, lease.holder),
}


@pytest.mark.parametrize("way", ALIVE)
def test_every_use_of_a_lease_by_its_holder_renews_it(engine: Engine, way: str) -> None:
    lease = take_lease(engine, ASSET, "first")
    for _ in range(3):
        age(engine, LIFETIME - timedelta(seconds=30))
        ALIVE[way](engine, lease)
    with pytest.raises(LeaseError, match="Sync first holds this form"):
        take_lease(engine, ASSET, "second")


def test_a_holder_has_it_since_it_took_it_first(engine: Engine) -> None:
    take_lease(engine, ASSET, "one")
    with engine.begin() as connection:
        earlier = connection.execute(select(leases.c.since)).scalar_one() - timedelta(minutes=3)
        connection.execute(update(leases).values(since=earlier))
    for again in (take_lease, retake_lease):
        again(engine, ASSET, "one")
        with engine.connect() as connection:
            assert connection.execute(select(leases.c.since)).scalar_one() == earlier
    release_lease(engine, ASSET, "one")
    take_lease(engine, ASSET, "two")
    with engine.connect() as connection:
        assert connection.execute(select(leases.c.since)).scalar_one() > earlier + timedelta(minutes=2)


def test_the_lease_of_a_dead_process_is_taken_at_once(engine: Engine) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    take_lease(engine, ASSET, f"sync (process {dead.pid} on {socket.gethostname()})")
    assert take_lease(engine, ASSET, process_holder("sync")).fencing_token == 2


@pytest.mark.parametrize(
    "holder",
    [
        f"sync (process {os.getppid()} on {socket.gethostname()})",
        "sync (process 4194304 on another-machine)",
        "manual__2026-11-23T16:19:05+00:00",
        "(process 4194304 on )",
    ],
)
def test_the_lease_of_one_that_may_live_is_not(engine: Engine, holder: str) -> None:
    take_lease(engine, ASSET, holder)
    with pytest.raises(LeaseError):
        take_lease(engine, ASSET, process_holder("sync"))


def test_of_many_that_come_at_once_one_gets_it(engine: Engine) -> None:
    taken: list[Lease] = []
    refused: list[LeaseError] = []
    start = threading.Barrier(6)

    def come(number: int) -> None:
        start.wait()
        try:
            taken.append(take_lease(engine, ASSET, f"holder {number}"))
        except LeaseError as error:
            refused.append(error)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 5)


def test_the_late_page_of_a_zombie_changes_nothing(engine: Engine) -> None:
    zombie = Writing(engine, holder="zombie")
    zombie.pull(submission(1), submission(2))
    zombie.push(submission(3))
    zombie.push(submission(4, _uuid=None))
    release_lease(engine, ASSET, "zombie")
    take_lease(engine, ASSET, "new")
    before = records(engine), ledger(engine), queued_refs(engine), lanes_of(engine, zombie)
    with pytest.raises(LeaseError, match="taken this form over from zombie"):
        zombie.pull(edited(submission(1), age="40"), submission(5), window=(0, 3), step=Step(0, 0, 5, False))
    assert (records(engine), ledger(engine), queued_refs(engine), lanes_of(engine, zombie)) == before


LATE: dict[str, Callable[[Writing], object]] = {
    "page": lambda writing: writing.pull(edited(submission(1), age="40"), submission(5)),
    "known page": lambda writing: writing.pull(submission(1), submission(2), window=(0, 2), known=True),
    "page of nothing": lambda writing: writing.pull(window=(0, None)),
    "absence": lambda writing: writing.remove(1, 99),
    "doubt": lambda writing: writing.writer.invalidate([1, 2, 99], writing.lease),
}


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("again", ["test", "another"])
def test_nothing_of_a_zombie_is_written(engine: Engine, late: str, again: str) -> None:
    """Whether another sync has the form by now, or another attempt of the same one."""
    writing = Writing(engine)
    writing.pull(submission(1), submission(2))
    release_lease(engine, ASSET, "test")
    take_lease(engine, ASSET, again)
    before = held(engine)
    with pytest.raises(LeaseError, match="taken this form over from test"):
        LATE[late](writing)
    assert held(engine) == before


def held(engine: Engine) -> tuple[object, ...]:
    return (
        records(engine),
        ledger(engine),
        queued_refs(engine),
        *(rows_of(engine, t) for t in (tallies, sync_runs)),
    )


def lanes_of(engine: Engine, writing: Writing) -> list[object]:
    return list(transact(engine, lambda connection: lanes(connection, ASSET, writing.run_id)))


def test_a_takeover_waits_for_the_page_that_is_being_written(engine: Engine) -> None:
    lease = take_lease(engine, ASSET, "first")
    age(engine, LIFETIME + timedelta(seconds=1))
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(take_lease(engine, ASSET, "second").fencing_token))
    with engine.begin() as page:
        check_lease(page, lease)
        thread.start()
        thread.join(0.3)
        assert done == []
    thread.join(10)
    assert done == [lease.fencing_token + 1]


def test_the_tasks_of_one_run_share_its_number_but_not_a_lane(engine: Engine) -> None:
    one = Writing(engine)
    one.pull(submission(10), step=Step(0, 0, 10, False))
    before = records(engine), ledger(engine)
    with pytest.raises(
        LeaseError, match=r"^Another task pulls this lane: this one has ended without harm\.$"
    ):
        one.pull(edited(submission(10), age="40"), submission(11), step=Step(0, 0, 11, False))
    assert (records(engine), ledger(engine)) == before
    one.pull(submission(11), step=Step(0, 10, 11, True))
    with pytest.raises(LeaseError):
        one.pull(submission(12), step=Step(0, 11, 12, False))
    with pytest.raises(LeaseError):
        one.pull(submission(12), step=Step(1, 0, 12, False))
    assert set(records(engine)) == {10, 11}
