"""Deliveries that share a transaction: each gets the result of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event

from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State
from tests.webhook.application import MIRROR, Tables
from tests.webhook.held_commits import HeldCommits, state, wait_until_waiting
from webhook import grouping
from webhook.grouping import LEADERS, MOST_IN_A_GROUP, GroupCommitter


def test_those_that_wait_share_a_transaction_and_each_gets_its_own_answer(
    engine: Engine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 5)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 10)
    held = HeldCommits(engine)
    committer = GroupCommitter(held)
    first = [1]
    others = list(range(101, 101 + MOST_IN_A_GROUP + 10))
    with ThreadPoolExecutor(max_workers=200) as callers:
        answers = [callers.submit(committer.push, state(kobo_id)) for kobo_id in first]
        while len(held.groups) < 1:
            time.sleep(0.005)
        answers += [callers.submit(committer.push, state(kobo_id)) for kobo_id in others]
        answers += [callers.submit(committer.push, state(500, **{"sec_c/cd_age": "x"}))]
        wait_until_waiting(committer, len(others) + 1)
        held.go.set()
        results = [answer.result(timeout=10) for answer in answers]
    assert [(r.kobo_id, r.result) for r in results] == [(i, "inserted") for i in first + others] + [
        (500, "rejected")
    ]
    assert max(map(len, held.groups)) == MOST_IN_A_GROUP
    assert sorted(kobo_id for group in held.groups for kobo_id in group) == sorted([*first, *others, 500])
    assert tables.cells("kobo_id") == first + others
    assert committer._leaders == 0


def test_one_group_at_a_time_and_none_is_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 5)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 10)

    def push_all(states: Sequence[State]) -> list[PushResult]:
        at_once.append(under_way.acquire(blocking=False))
        time.sleep(0.001)
        under_way.release()
        return [PushResult(one.kobo_id, "inserted") for one in states]

    at_once: list[bool] = []
    under_way = threading.Lock()
    committer = GroupCommitter(push_all)
    one = state(1)
    with ThreadPoolExecutor(max_workers=16) as callers:
        assert {result.result for result in callers.map(lambda _: committer.push(one), range(2000))} == {
            "inserted"
        }
    assert all(at_once)
    assert committer._leaders == 0
    assert committer._waiting == []


def test_several_states_of_one_submission_are_taken_in_their_order(
    engine: Engine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 5)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 10)
    held = HeldCommits(engine)
    committer = GroupCommitter(held)
    before = state(1)
    edit = state(1, uuid="edit-1", **{"meta/deprecatedID": f"uuid:{before.uuid}", "sec_c/cd_age": "39"})
    with ThreadPoolExecutor(max_workers=10) as callers:
        leading = [callers.submit(committer.push, state(50))]
        while len(held.groups) < 1:
            time.sleep(0.005)
        following = []
        for number, one in enumerate((before, edit, before, state(2))):
            following.append(callers.submit(committer.push, one))
            wait_until_waiting(committer, number + 1)
        held.go.set()
        assert [answer.result().result for answer in following] == [
            "inserted",
            "updated",
            "stale",
            "inserted",
        ]
        assert {answer.result().result for answer in leading} == {"inserted"}
    assert tables.cells("age")[:1] == [39]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_group_costs_one_transaction(engine: Engine) -> None:
    begun = []
    event.listen(engine, "begin", begun.append)
    Writer(engine, MIRROR).push_all([state(kobo_id) for kobo_id in range(1, 65)])
    assert len(begun) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_while_one_group_is_held_up_the_others_go_on_one_after_the_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 0.1)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 5)
    go, gone = threading.Event(), threading.Event()

    def push_all(states: Sequence[State]) -> list[PushResult]:
        if states[0].kobo_id == 1:
            gone.set()
            go.wait(20)
        time.sleep(0.5)  # the next one asks for the lead, in vain, before this one ends
        return [PushResult(one.kobo_id, "inserted") for one in states]

    committer = GroupCommitter(push_all)
    with ThreadPoolExecutor(max_workers=10) as callers:
        held_up = callers.submit(committer.push, state(1))
        assert gone.wait(5)
        second = callers.submit(committer.push, state(2))
        while committer._leaders < LEADERS:
            time.sleep(0.005)
        third = callers.submit(committer.push, state(3))
        assert [one.result(timeout=10).result for one in (second, third)] == ["inserted", "inserted"]
        assert not held_up.done()
        go.set()
    assert committer._leaders == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_delivery_that_arrives_before_the_group_starts_joins_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[list[int]] = []

    def push_all(states: Sequence[State]) -> list[PushResult]:
        groups.append([one.kobo_id for one in states])
        return [PushResult(one.kobo_id, "inserted") for one in states]

    committer = GroupCommitter(push_all)
    with ThreadPoolExecutor(max_workers=1) as callers:
        others = []

        def arrive() -> None:
            others.append(callers.submit(committer.push, state(2)))
            wait_until_waiting(committer, 1)

        with monkeypatch.context() as patched:
            patched.setattr("webhook.grouping.yield_to_arrivals", arrive)
            assert committer.push(state(1)).result == "inserted"
        assert others[0].result(timeout=5).result == "inserted"
    assert groups == [[1, 2]]
    assert committer._leaders == 0
