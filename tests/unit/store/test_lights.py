"""A green light is true: each known problem of a mirror changes it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from kobo_mirror.forms.plan import Care, Plan, Step, What
from kobo_mirror.store.codes import WaitingList
from kobo_mirror.store.lights import SENTENCES, Finding, Light, judge, light_of
from kobo_mirror.store.overview import MirrorState, ServerCount
from kobo_mirror.store.plans import StoredPlan
from kobo_mirror.store.proofs import DIFFERENCES, Proof
from kobo_mirror.store.refetch_queue import UNREADABLE
from kobo_mirror.store.registrations import Registration
from kobo_mirror.store.rejected_cells import ColumnShare, RejectedColumns
from kobo_mirror.store.shown_runs import Run

NOW = datetime(2026, 11, 28, 12)  # noqa: DTZ001  # UTC, as DATETIME holds it
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PROOF = Proof(started_at=NOW - 2 * HOUR, finished_at=NOW - HOUR, whole=False)
RUN = Run(
    id=1, name="sync", mode="exact", started_at=NOW - 2 * HOUR, finished_at=NOW - HOUR, count_difference=0
)
FAILED = replace(RUN, finished_at=None, error="The server is down.", failure="ServerError")
GONE = replace(FAILED, error="No such form.", failure="FormGoneError")
WAITS = replace(RUN, error="20 have gone.", failure="DeletesWaitError", waiting_code="0123456789ab")
UNPROVEN = replace(WAITS, waiting_code=None)
OFTEN = RejectedColumns(often=[ColumnShare("survey", "age", 6, 100), ColumnShare("survey__2", "day", 3, 100)])
WAITING = WaitingList("0123456789ab", NOW - HOUR, list(range(20)))


def posted_with(*secrets: str) -> list[Registration]:
    return [Registration(f"https://{name}.test", "rest_service", NOW, None, name) for name in secrets]


def state(**changes: Any) -> MirrorState:
    """A form of which nothing but good is known, changed."""
    good: dict[str, Any] = {
        "moment": NOW,
        "newest_sync": RUN,
        "last_finished": RUN,
        "last_good": RUN,
        "applied": 5000,
        "deleted": 7,
        "proof": PROOF,
        "full_proof": PROOF,
        "registrations": posted_with("new"),
    }
    return MirrorState(**(good | changes))


def run(**changes: Any) -> Run:
    return replace(RUN, **changes)


def proof(**changes: Any) -> Proof:
    return replace(PROOF, **changes)


PLAN = StoredPlan(
    "0123456789ab", Plan((Step(care=Care.COSTLY, what=What.KIND, table="survey"),)), "review", None, NOW
)
NEVER: dict[str, Any] = {"newest_sync": None, "last_finished": None, "last_good": None}
FAILED_VERIFICATION = run(mode="verify", started_at=NOW, finished_at=None, error="No.")
CASES: list[tuple[str, MirrorState, Light, list[str]]] = [
    ("nothing against it", state(), Light.GREEN, []),
    ("no sync yet", state(**NEVER), Light.AMBER, ["never_synced"]),
    ("a first sync that failed", state(**NEVER | {"newest_sync": FAILED}, proof=None, full_proof=None),
     Light.RED, ["sync_failed", "never_synced"]),
    ("the newest sync failed", state(newest_sync=FAILED), Light.RED, ["sync_failed"]),
    ("the form is gone", state(newest_sync=GONE), Light.AMBER, ["gone"]),
    ("a form that was never read is not there", state(**NEVER | {"newest_sync": GONE}), Light.RED,
     ["sync_failed", "never_synced"]),
    ("let go", state(is_let_go=True), Light.AMBER, ["let_go"]),
    ("let go, and gone, late and never proven", state(is_let_go=True, newest_sync=GONE, full_proof=None,
     last_good=run(finished_at=NOW - DAY), registrations=posted_with("old")), Light.AMBER, ["let_go"]),
    ("let go before the first sync ended", state(**NEVER, is_let_go=True), Light.AMBER, ["let_go"]),
    ("let go with rows that differ", state(is_let_go=True, proof=proof(different=2)), Light.RED,
     ["proof_differs", "let_go"]),
    ("one is under way", state(newest_sync=run(finished_at=None)), Light.GREEN, []),
    ("late", state(last_good=run(finished_at=NOW - DAY)), Light.AMBER, ["late"]),
    ("deletes wait", state(newest_sync=WAITS, last_finished=WAITS, waiting_deletes=WAITING), Light.RED,
     ["deletes_wait"]),
    ("deletes wait after a repair", state(waiting_deletes=WAITING), Light.RED, ["deletes_wait"]),
    ("deletes not proven", state(newest_sync=UNPROVEN, last_finished=UNPROVEN), Light.RED,
     ["deletes_not_proven"]),
    ("deletes that were confirmed since", state(newest_sync=WAITS, last_finished=WAITS), Light.GREEN, []),
    ("rows to be written anew", state(must_read_all=True), Light.AMBER, ["read_anew"]),
    ("a plan waits for a person", state(open_plan=PLAN), Light.AMBER, ["plan_waits"]),
    ("a plan that was approved", state(open_plan=replace(PLAN, approved_at=NOW)), Light.AMBER, ["plan_due"]),
    ("a plan that was declined", state(open_plan=replace(PLAN, declined_at=NOW)), Light.GREEN, []),
    ("a plan that a person need not see", state(open_plan=replace(PLAN, policy="additive")), Light.AMBER,
     ["plan_due"]),
    ("a change of tables that is refused", state(tables_refused="No."), Light.AMBER, ["tables_refused"]),
    ("a column that was changed by hand", state(tables_altered="Mend it."), Light.AMBER, ["tables_altered"]),
    ("versions that cannot be read", state(versions_unread=True), Light.AMBER, ["versions_unread"]),
    ("tables half made", state(tables_unfinished=True), Light.AMBER, ["tables_unfinished"]),
    ("a view that is refused", state(views_due=True, views_refused="No."), Light.AMBER, ["views_refused"]),
    ("views to be made", state(views_due=True), Light.AMBER, ["views_due"]),
    ("a view that was changed by hand", state(views_altered=("a",)), Light.AMBER, ["views_altered"]),
    ("one that is made anyway", state(views_altered=("a",), views_due=True), Light.AMBER, ["views_due"]),
    ("rows are missing", state(last_finished=run(count_difference=-3)), Light.RED, ["rows_differ"]),
    ("rows are too many", state(last_finished=run(count_difference=1)), Light.RED, ["rows_differ"]),
    ("a run that 0.1 left uncounted", state(last_finished=run(count_difference=None)), Light.GREEN, []),
    ("all are rejected", state(applied=0, rejected=5), Light.RED, ["all_rejected"]),
    ("an empty form", state(applied=0), Light.GREEN, []),
    ("ten of many rejected", state(rejected=10), Light.GREEN, []),
    ("eleven of many rejected", state(rejected=11), Light.AMBER, ["many_rejected"]),
    ("one of a hundred", state(applied=99, rejected=1), Light.GREEN, []),
    ("one of ninety-nine", state(applied=98, rejected=1), Light.AMBER, ["many_rejected"]),
    ("answers that their column cannot hold", state(rejected_cells=9, rejected_columns=OFTEN), Light.AMBER,
     ["cells_rejected"]),
    ("few of them", state(rejected_cells=9), Light.GREEN, []),
    ("one that cannot be sent", state(refetch={UNREADABLE: 1, "repair": 3}), Light.AMBER, ["unreadable"]),
    ("one that could not be compared", state(proof=proof(unreadable=1)), Light.AMBER, ["unreadable"]),
    ("others that are asked for again", state(refetch={"repair": 3}), Light.GREEN, []),
    ("the newest proof differs", state(proof=proof(stale=1)), Light.RED, ["proof_differs"]),
    ("the full one differs", state(full_proof=proof(extra=2)), Light.RED, ["full_proof_differs"]),
    ("never proven in full", state(full_proof=None), Light.AMBER, ["never_proven"]),
    ("proven eight days ago", state(full_proof=proof(finished_at=NOW - 8 * DAY)), Light.GREEN, []),
    ("longer ago", state(full_proof=proof(finished_at=NOW - 9 * DAY)), Light.AMBER, ["proof_old"]),
    ("a token that sees a part", state(last_finished=run(sees_part=True)), Light.AMBER, ["sees_part"]),
    ("history missed since the full proof", state(history_gap=NOW - HOUR), Light.AMBER, ["history_gap"]),
    ("history missed before it", state(history_gap=NOW - 3 * HOUR), Light.GREEN, []),
    ("a verification that failed since", state(failed_verification=FAILED_VERIFICATION), Light.AMBER,
     ["verify_failed"]),
    ("one that failed without a proof", state(proof=None, failed_verification=FAILED_VERIFICATION),
     Light.AMBER, ["verify_failed"]),
    ("one that failed before the proof", state(failed_verification=run(started_at=NOW - 2 * HOUR)),
     Light.GREEN, []),
    ("posted with an old secret", state(registrations=posted_with("old")), Light.AMBER, ["secret_old"]),
    ("with both", state(registrations=posted_with("old", "new")), Light.AMBER, ["secret_old"]),
    ("not posted at all", state(registrations=[]), Light.GREEN, []),
]  # fmt: skip


@pytest.mark.parametrize(("what", "facts", "light", "keys"), CASES, ids=[case[0] for case in CASES])
def test_what_takes_the_green_away(what: str, facts: MirrorState, light: Light, keys: list[str]) -> None:
    found = judge(facts, due=NOW - 2 * HOUR, secret="new")
    assert (light_of(found), [finding.key for finding in found]) == (light, keys)


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_a_difference_of_any_kind_counts(kind: str) -> None:
    (found,) = judge(state(proof=proof(**{kind: 4})))
    assert found.numbers == {"differences": 4}


def test_the_gravest_comes_first() -> None:
    found = judge(state(full_proof=None, applied=0, rejected=3, newest_sync=FAILED))
    assert [finding.light for finding in found] == sorted((f.light for f in found), reverse=True)
    assert light_of(found) is Light.RED


def test_every_finding_has_words_and_every_word_a_finding() -> None:
    told = {
        finding.key for _, facts, _, _ in CASES for finding in judge(facts, due=NOW - 2 * HOUR, secret="new")
    }
    assert told == SENTENCES.keys()
    for _, facts, _, _ in CASES:
        for finding in judge(facts):
            assert not re.search(r"[{}]", finding.sentence)


def test_a_sentence_names_its_numbers() -> None:
    assert Finding(Light.RED, "all_rejected", {"rejected": 5000}).sentence.startswith("None of the 5000 ")


def test_the_column_that_its_answers_fit_least_is_named() -> None:
    (found,) = judge(state(rejected_columns=OFTEN))
    assert found.numbers == {"columns": 2, "cells": 6, "rows": 100}
    assert found.sentence.endswith(" fit: 2, first of all survey.age (6 of 100 rows).")


def test_a_proof_is_equal_unless_it_counts_a_difference() -> None:
    assert proof(compared=9, rejected=4).equal
    assert (proof(missing=1, stale=2).equal, proof(missing=1, stale=2).differences) == (False, 3)
    assert proof(compared=9, extra=2).sentence == "9 compared, 2 extra"
    assert proof().sentence == "an empty form"


def test_the_newer_of_two_counts_of_the_server_is_shown() -> None:
    counted = ServerCount(12, NOW)
    assert state(counted=counted).on_server == counted
    assert state(counted=counted, proof=None).on_server == counted
    older = ServerCount(12, NOW - 2 * HOUR)
    assert state(counted=older, proof=proof(compared=9)).on_server == ServerCount(9, PROOF.finished_at)
    assert state(proof=None).on_server is None
