"""The light of a form: green if all that is known says that its tables are what the form shows, else why not.

The rules are those of docs/architecture.md, "Lights". They judge a ``MirrorState``, never a sentence: each
finding has a key, under which its texts are listed, and the numbers that these name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kobo_mirror.store.overview import MirrorState

_FULL_PROOF_LIFETIME = timedelta(days=8)
_REJECTED_LEAST, _REJECTED_SHARE = 10, 0.01
_NAMED = 3


SENTENCES: Mapping[str, str] = {
    "never_synced": "No sync has ended well yet.",
    "sync_failed": "The last sync failed.",
    "gone": "KoboToolbox no longer shows this form to the account: it was deleted, handed over, or is no "
    "longer shared with it. Its tables stay as they are.",
    "let_go": "This form is mirrored no longer: nothing names it, and discover does not find it. Its tables "
    "stay as they are, and deliveries are refused.",
    "late": "The last sync that ended well is older than it should be.",
    "deletes_wait": "{submissions} submissions have gone from KoboToolbox: confirm that they may be deleted.",
    "deletes_not_proven": "Submissions have gone, but this token does not see enough to prove it.",
    "secret_old": "KoboToolbox posts with another secret than is set: the next sync hands over the new one.",
    "read_anew": "Rows must be written anew: the next sync reads the whole form.",
    "plan_waits": "A change of the form's tables waits for a person: the plan {code}.",
    "plan_due": "A change of the form's tables is still to be applied: the next exact sync does that.",
    "tables_refused": "The database refuses a change of the form's tables: {why}",
    "tables_altered": "Columns were changed by hand, and may hold other values than the form: {why}",
    "versions_unread": "The form's versions cannot be read with this token: its tables may lack questions.",
    "tables_unfinished": "A change of the form's tables is not finished: the next sync goes on with it.",
    "views_refused": "The database refuses a view of the form's tables: {why}",
    "views_due": "Views of the form's tables are still to be made: the next sync does that.",
    "views_altered": "Views were dropped or changed by hand, or cannot be read any more, and the next sync "
    "makes them anew: {views}.",
    "sees_part": "This token sees only some of the form's submissions: use one that sees all.",
    "history_gap": "A part of the server's history was missed: verify in full.",
    "rows_differ": "The table has {rows} rows too few or too many.",
    "all_rejected": "None of the {rejected} submissions fits the table: is it the right form?",
    "many_rejected": "{rejected} submissions do not fit the table.",
    "cells_rejected": "Columns in which over 1 % of the rows have an answer that does not fit: {columns}, "
    "first of all {column} ({cells} of {rows} rows).",
    "unreadable": "{submissions} submissions cannot be sent by KoboToolbox, perhaps for a point that is no "
    "number: correct them there.",
    "proof_differs": "The last proof found {differences} differences.",
    "full_proof_differs": "The last proof of every answer found {differences} differences: repair in full.",
    "never_proven": "No comparison of every answer has been made yet: verify in full.",
    "proof_old": "Every answer was last compared {days} days ago.",
    "verify_failed": "The last verification failed: it could not compare.",
}
"""What a finding says to a person, in English."""


class Light(StrEnum):
    """How much a person must care."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True)
class Finding:
    """Why a light is not green.

    :param key: what was found, such as ``sync_failed``: the texts are listed under it.
    :param numbers: what the text names, such as ``rejected``.
    :param names: names of tables or columns in it, a code, or a sentence of ours.
    """

    light: Light
    key: str
    numbers: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The finding in English."""
        return SENTENCES[self.key].format(**self.numbers, **self.names)


def light_of(findings: Sequence[Finding]) -> Light:
    """Return the light of the gravest finding; green where there is none.

    :param findings: what ``judge`` found.
    """
    lights = {finding.light for finding in findings}
    return next((light for light in (Light.RED, Light.AMBER) if light in lights), Light.GREEN)


def judge(state: MirrorState, *, due: datetime | None = None, secret: str | None = None) -> list[Finding]:
    """Return what keeps a form from being green, the gravest first.

    :param state: what is known of its mirror.
    :param due: when the last sync should have finished at the latest (UTC); None: there is no schedule.
    :param secret: the fingerprint of the webhook's secret as it is set; None: it is not known here.
    """
    is_tried = state.newest_sync is not None and state.newest_sync.error
    if state.last_good is None and not is_tried and not state.is_let_go:
        return [Finding(Light.AMBER, "never_synced")]
    of_the_sync = [Finding(Light.AMBER, "let_go")] if state.is_let_go else _of_the_sync(state, due)
    found = [*of_the_sync, *_of_the_rows(state), *_of_the_proofs(state)]
    if state.is_let_go:
        secret = None
    if secret is not None and {known.secret_fingerprint for known in state.registrations} - {secret}:
        found.append(Finding(Light.AMBER, "secret_old"))
    return sorted(found, key=lambda finding: finding.light is not Light.RED)


def _of_the_sync(state: MirrorState, due: datetime | None) -> Iterator[Finding]:
    newest, last = state.newest_sync, state.last_good
    if state.waiting_deletes:
        yield Finding(Light.RED, "deletes_wait", {"submissions": len(state.waiting_deletes.ids)})
    if newest and newest.failure == "FormGoneError" and last is not None:
        yield Finding(Light.AMBER, "gone")
    elif newest and newest.error and newest.failure != "DeletesWaitError":
        yield Finding(Light.RED, "sync_failed")
    elif newest and newest.error and not newest.waiting_code:
        yield Finding(Light.RED, "deletes_not_proven")
    if last is None:
        yield Finding(Light.AMBER, "never_synced")
    elif due is not None and last.finished_at is not None and last.finished_at < due:
        yield Finding(Light.AMBER, "late")
    if last is not None and state.must_read_all:
        yield Finding(Light.AMBER, "read_anew")
    yield from _of_the_versions(state)
    if state.last_finished and state.last_finished.sees_part:
        yield Finding(Light.AMBER, "sees_part")


def _of_the_versions(state: MirrorState) -> Iterator[Finding]:
    plan = state.open_plan
    if plan is not None and plan.waits_for_a_person:
        yield Finding(Light.AMBER, "plan_waits", names={"code": plan.code})
    elif plan is not None and not plan.declined_at:
        yield Finding(Light.AMBER, "plan_due")
    if state.tables_refused:
        yield Finding(Light.AMBER, "tables_refused", names={"why": state.tables_refused})
    if state.tables_altered:
        yield Finding(Light.AMBER, "tables_altered", names={"why": state.tables_altered})
    if state.versions_unread:
        yield Finding(Light.AMBER, "versions_unread")
    if state.tables_unfinished:
        yield Finding(Light.AMBER, "tables_unfinished")
    if state.views_refused:
        yield Finding(Light.AMBER, "views_refused", names={"why": state.views_refused})
    elif state.views_due:
        yield Finding(Light.AMBER, "views_due")
    elif state.views_altered:
        yield Finding(Light.AMBER, "views_altered", names={"views": _listed(state.views_altered)})


def _listed(names: Sequence[str]) -> str:
    return ", ".join((*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])))


def _of_the_rows(state: MirrorState) -> Iterator[Finding]:
    applied, rejected = state.applied, state.rejected
    if state.last_finished and (difference := state.last_finished.count_difference):
        yield Finding(Light.RED, "rows_differ", {"rows": abs(difference)})
    if rejected and not applied:
        yield Finding(Light.RED, "all_rejected", {"rejected": rejected})
    elif rejected > _REJECTED_LEAST or rejected > _REJECTED_SHARE * (applied + rejected):
        yield Finding(Light.AMBER, "many_rejected", {"rejected": rejected})
    if shares := state.rejected_columns.often:
        worst = shares[0]
        numbers = {"columns": len(shares), "cells": worst.cells, "rows": worst.rows}
        yield Finding(Light.AMBER, "cells_rejected", numbers, {"column": f"{worst.table}.{worst.column}"})
    if state.unreadable:
        yield Finding(Light.AMBER, "unreadable", {"submissions": state.unreadable})


def _of_the_proofs(state: MirrorState) -> Iterator[Finding]:
    proof, full = state.proof, state.full_proof
    if proof and not proof.equal:
        yield Finding(Light.RED, "proof_differs", {"differences": proof.differences})
    elif full and not full.equal:
        yield Finding(Light.RED, "full_proof_differs", {"differences": full.differences})
    if state.is_let_go:
        return
    if state.verification_failure:
        yield Finding(Light.AMBER, "verify_failed")
    if state.last_good is None:
        return
    if full is None:
        yield Finding(Light.AMBER, "never_proven")
    elif state.history_gap and full.started_at < state.history_gap:
        yield Finding(Light.AMBER, "history_gap")
    elif full.finished_at < state.moment - _FULL_PROOF_LIFETIME:
        yield Finding(Light.AMBER, "proof_old", {"days": (state.moment - full.finished_at).days})
