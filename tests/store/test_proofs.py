"""When a proof that compares every answer is due."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import clock
from kobo_mirror.store.proofs import full_proof_is_due, note_proof
from kobo_mirror.store.tables import PROVEN

ASSET, ANOTHER = "aProofForm000000000001", "aProofForm000000000002"
WEEK = 7


def prove(engine: Engine, *, days_ago: float, whole: bool = True, asset: str = ASSET, **found: int) -> None:
    started_at = clock(engine) - timedelta(days=days_ago)
    note_proof(engine, asset, started_at=started_at, whole=whole, found=dict.fromkeys(PROVEN, 0) | found)


def test_the_first_proof_is_full(engine: Engine) -> None:
    assert full_proof_is_due(engine, ASSET, WEEK)


@pytest.mark.parametrize(
    ("days_ago", "due"), [(0, False), (6.9, False), (6.99, True), (7, True), (7.01, True), (400, True)]
)
def test_it_is_due_when_the_newest_one_began_so_many_days_ago(
    engine: Engine, days_ago: float, due: bool
) -> None:
    prove(engine, days_ago=days_ago)
    assert full_proof_is_due(engine, ASSET, WEEK) == due


@pytest.mark.parametrize("every", [1, 30])
def test_the_setting_says_how_many_days(engine: Engine, every: int) -> None:
    prove(engine, days_ago=every - 0.5)
    assert not full_proof_is_due(engine, ASSET, every)
    assert full_proof_is_due(engine, ASSET, max(1, every - 1)) == (every > 1)


def test_a_quick_proof_does_not_count(engine: Engine) -> None:
    prove(engine, days_ago=0, whole=False)
    assert full_proof_is_due(engine, ASSET, WEEK)
    prove(engine, days_ago=0)
    prove(engine, days_ago=0, whole=False, stale=3)
    assert not full_proof_is_due(engine, ASSET, WEEK)


def test_that_of_another_form_does_not_count(engine: Engine) -> None:
    prove(engine, days_ago=0, asset=ANOTHER)
    assert full_proof_is_due(engine, ASSET, WEEK)


@pytest.mark.parametrize("kind", ["missing", "extra", "stale", "different"])
def test_it_is_due_as_long_as_the_newest_one_found_a_difference(engine: Engine, kind: str) -> None:
    prove(engine, days_ago=0, **{kind: 1})
    assert full_proof_is_due(engine, ASSET, WEEK)
    prove(engine, days_ago=0, rejected=5)
    assert not full_proof_is_due(engine, ASSET, WEEK)


def test_never_is_never(engine: Engine) -> None:
    assert not full_proof_is_due(engine, ASSET, 0)
    prove(engine, days_ago=400, stale=1)
    assert not full_proof_is_due(engine, ASSET, 0)
