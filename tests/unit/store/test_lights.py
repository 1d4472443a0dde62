"""A green light must be true: each thing that is known against a mirror takes it away."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import RowMapping

from kobo_mirror.store.bindings import Epochs
from kobo_mirror.store.codes import WaitingList
from kobo_mirror.store.lights import SENTENCES, Finding, Known, Light, judge, light_of

NOW = datetime(2026, 11, 28, 12)  # noqa: DTZ001  # UTC, as DATETIME holds it
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PROOF: dict[str, Any] = {"missing": 0, "extra": 0, "stale": 0, "different": 0, "whole": False}
PROOF |= {"started_at": NOW - 2 * HOUR, "finished_at": NOW - HOUR}
RUN: dict[str, Any] = {"finished_at": NOW - HOUR, "error": None, "failure": None, "count_difference": 0}
RUN |= {"sees_part": False}
FAILED = {**RUN, "finished_at": None, "error": "The server is down.", "failure": "ServerError"}
WAITS = {**RUN, "error": "20 have gone.", "failure": "DeletesWaitError", "waiting_code": "0123456789ab"}
UNPROVEN = {**WAITS, "waiting_code": None}
WAITING = WaitingList("0123456789ab", NOW - HOUR, list(range(20)))


def known(**changes: Any) -> Known:
    """A form of which nothing but good is known, changed."""
    good: dict[str, Any] = {
        "newest": RUN,
        "ended": RUN,
        "last": RUN,
        "epochs": Epochs(1, 1),
        "held": {"applied": 5000, "rejected": 0, "deleted": 0},
        "waiting": None,
        "proof": PROOF,
        "full_proof": PROOF,
        "secrets": frozenset({"new"}),
    }
    return Known(**(good | changes))


def held(applied: int, rejected: int) -> dict[str, int]:
    return {"applied": applied, "rejected": rejected, "deleted": 7}


def run(**changes: Any) -> RowMapping:
    return cast(RowMapping, RUN | changes)


CASES: list[tuple[str, Known, Light, list[str]]] = [
    ("nothing against it", known(), Light.GREEN, []),
    ("no sync yet", known(newest=None, ended=None, last=None), Light.AMBER, ["never_synced"]),
    ("a first sync that failed", known(newest=FAILED, ended=None, last=None, proof=None, full_proof=None),
     Light.RED, ["sync_failed", "never_synced"]),
    ("the newest sync failed", known(newest=FAILED), Light.RED, ["sync_failed"]),
    ("one is under way", known(newest=run(finished_at=None)), Light.GREEN, []),
    ("late", known(last=run(finished_at=NOW - DAY)), Light.AMBER, ["late"]),
    ("deletes wait", known(newest=WAITS, ended=WAITS, waiting=WAITING), Light.RED, ["deletes_wait"]),
    ("deletes wait after a repair", known(waiting=WAITING), Light.RED, ["deletes_wait"]),
    ("deletes not proven", known(newest=UNPROVEN, ended=UNPROVEN), Light.RED, ["deletes_not_proven"]),
    ("deletes that were confirmed since", known(newest=WAITS, ended=WAITS), Light.GREEN, []),
    ("another declaration", known(declared_otherwise=True), Light.AMBER, ["read_anew"]),
    ("an epoch not read yet", known(epochs=Epochs(2, 1)), Light.AMBER, ["read_anew"]),
    ("rows are missing", known(ended=run(count_difference=-3)), Light.RED, ["rows_differ"]),
    ("rows are too many", known(ended=run(count_difference=1)), Light.RED, ["rows_differ"]),
    ("a run that 0.1 left uncounted", known(ended=run(count_difference=None)), Light.GREEN, []),
    ("all are rejected", known(held=held(0, 5)), Light.RED, ["all_rejected"]),
    ("an empty form", known(held=held(0, 0)), Light.GREEN, []),
    ("ten of many rejected", known(held=held(5000, 10)), Light.GREEN, []),
    ("eleven of many rejected", known(held=held(5000, 11)), Light.AMBER, ["many_rejected"]),
    ("one of a hundred", known(held=held(99, 1)), Light.GREEN, []),
    ("one of ninety-nine", known(held=held(98, 1)), Light.AMBER, ["many_rejected"]),
    ("the newest proof differs", known(proof={**PROOF, "stale": 1}), Light.RED, ["proof_differs"]),
    ("the full one differs", known(full_proof={**PROOF, "extra": 2}), Light.RED, ["full_proof_differs"]),
    ("never proven in full", known(full_proof=None), Light.AMBER, ["never_proven"]),
    ("proven eight days ago", known(full_proof=PROOF | {"finished_at": NOW - 8 * DAY}), Light.GREEN, []),
    ("longer ago", known(full_proof=PROOF | {"finished_at": NOW - 9 * DAY}), Light.AMBER, ["proof_old"]),
    ("a token that sees a part", known(ended=run(sees_part=True)), Light.AMBER, ["sees_part"]),
    ("history missed since the full proof", known(history_gap=NOW - HOUR), Light.AMBER, ["history_gap"]),
    ("history missed before it", known(history_gap=NOW - 3 * HOUR), Light.GREEN, []),
    ("a verification that failed since", known(failed_verification={"started_at": NOW}), Light.AMBER,
     ["verify_failed"]),
    ("one that failed without a proof", known(proof=None, failed_verification={"started_at": NOW}),
     Light.AMBER, ["verify_failed"]),
    ("one that failed before the proof", known(failed_verification={"started_at": NOW - 2 * HOUR}),
     Light.GREEN, []),
    ("posted with an old secret", known(secrets=frozenset({"old"})), Light.AMBER, ["secret_old"]),
    ("with both", known(secrets=frozenset({"old", "new"})), Light.AMBER, ["secret_old"]),
    ("not posted at all", known(secrets=frozenset()), Light.GREEN, []),
]  # fmt: skip


@pytest.mark.parametrize(("what", "facts", "light", "keys"), CASES, ids=[case[0] for case in CASES])
def test_what_takes_the_green_away(what: str, facts: Known, light: Light, keys: list[str]) -> None:
    found = judge(facts, NOW, due=NOW - 2 * HOUR, secret="new")
    assert (light_of(found), [finding.key for finding in found]) == (light, keys)


@pytest.mark.parametrize("kind", ["missing", "extra", "stale", "different"])
def test_a_difference_of_any_kind_counts(kind: str) -> None:
    (found,) = judge(known(proof={**PROOF, kind: 4}), NOW)
    assert found.numbers == {"differences": 4}


def test_the_gravest_comes_first() -> None:
    found = judge(known(full_proof=None, held=held(0, 3), newest=FAILED), NOW)
    assert [finding.light for finding in found] == sorted((f.light for f in found), reverse=True)
    assert light_of(found) is Light.RED


def test_every_finding_has_words_and_every_word_a_finding() -> None:
    told = {
        finding.key
        for _, facts, _, _ in CASES
        for finding in judge(facts, NOW, due=NOW - 2 * HOUR, secret="new")
    }
    assert told == SENTENCES.keys()
    for _, facts, _, _ in CASES:
        for finding in judge(facts, NOW):
            assert not re.search(r"[{}]", finding.sentence)


def test_a_sentence_names_its_numbers() -> None:
    assert Finding(Light.RED, "all_rejected", {"rejected": 5000}).sentence.startswith("None of the 5000 ")
