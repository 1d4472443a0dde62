"""The light of a form: green if all that is known says that its tables are what the form shows, else why not.

The rules are those of docs/architecture.md, "Lights". Nothing is read out of sentences: each finding has a
key, under which its words are listed, and numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, RowMapping

from kobo_mirror.forms.schema import Form
from kobo_mirror.store import runs
from kobo_mirror.store.bindings import Epochs, epochs_of, is_declared_otherwise
from kobo_mirror.store.codes import WaitingList, waiting_list
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.registrations import secrets_of
from kobo_mirror.store.tables import PROVEN
from kobo_mirror.store.totals import totals

_DIFFERENCES = ("missing", "extra", "stale", "different")
_FULL_PROOF_LIFETIME = timedelta(days=8)
_REJECTED_LEAST, _REJECTED_SHARE = 10, 0.01


SENTENCES: Mapping[str, str] = {
    "never_synced": "No sync has ended well yet.",
    "sync_failed": "The last sync failed.",
    "late": "The last sync that ended well is older than it should be.",
    "deletes_wait": "{submissions} submissions have gone from KoboToolbox: say whether that is meant.",
    "deletes_not_proven": "Submissions have gone, but this token does not see enough to prove it.",
    "secret_old": "KoboToolbox posts with another secret than is set: the next sync hands over the new one.",
    "read_anew": "Rows must be written anew: the next sync reads the whole form.",
    "sees_part": "This token sees only some of the form's submissions: use one that sees all.",
    "history_gap": "A part of the server's history was missed: verify in full.",
    "rows_differ": "The table has {rows} rows too few or too many.",
    "all_rejected": "None of the {rejected} submissions fits the table: is it the right form?",
    "many_rejected": "{rejected} submissions do not fit the table.",
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
    """

    light: Light
    key: str
    numbers: Mapping[str, int] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The finding in English."""
        return SENTENCES[self.key].format(**self.numbers)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a light is judged by.

    :param newest: the newest run that was to read the form, whatever became of it.
    :param ended: the last one that read all it set out to read; ``last`` the last one that ended well, too.
    :param held: how many submissions are ``applied``, ``rejected`` and ``deleted``.
    :param proof: the newest proof; ``full_proof`` the newest one that compared every answer.
    :param failed_verification: the newest verification that could not tell.
    :param secrets: the fingerprints of the secrets that the webhook is registered with.
    :param history_gap: when the last run ended that missed a part of the server's history.
    :param declared_otherwise: the rows are shaped by another declaration than this process has.
    """

    newest: RowMapping | None
    ended: RowMapping | None
    last: RowMapping | None
    epochs: Epochs
    held: Mapping[str, int]
    waiting: WaitingList | None
    proof: RowMapping | None
    full_proof: RowMapping | None
    secrets: frozenset[str]
    history_gap: datetime | None = None
    declared_otherwise: bool = False
    failed_verification: RowMapping | None = None

    @property
    def last_verification_failed(self) -> bool:
        """True if no proof was made after the newest verification that could not tell."""
        failed, proof = self.failed_verification, self.proof
        return failed is not None and (proof is None or proof["finished_at"] < failed["started_at"])


def known_of(connection: Connection, form: Form, asset_uid: str) -> Known:
    """Read what a light is judged by; the form must be bound."""
    return Known(
        newest=runs.newest_sync(connection, asset_uid),
        ended=runs.last_finished(connection, asset_uid),
        last=runs.last_finished(connection, asset_uid, well=True),
        epochs=epochs_of(connection, form.table),
        held=totals(connection, asset_uid),
        waiting=waiting_list(connection, asset_uid),
        proof=last_proof(connection, asset_uid),
        full_proof=last_proof(connection, asset_uid, whole=True),
        secrets=secrets_of(connection, asset_uid),
        history_gap=runs.last_history_gap(connection, asset_uid),
        declared_otherwise=is_declared_otherwise(connection, form),
        failed_verification=runs.failed_verification(connection, asset_uid),
    )


def light_of(findings: list[Finding]) -> Light:
    """The light of the gravest finding."""
    lights = {finding.light for finding in findings}
    return next((light for light in (Light.RED, Light.AMBER) if light in lights), Light.GREEN)


def judge(
    known: Known, moment: datetime, *, due: datetime | None = None, secret: str | None = None
) -> list[Finding]:
    """Say what keeps a form from being green, the gravest first.

    :param moment: now, by the database's clock.
    :param due: when the last sync should have ended at the latest; None: there is no schedule.
    :param secret: the fingerprint of the webhook's secret as it is set; None: not known here.
    """
    if known.last is None and (known.newest is None or not known.newest["error"]):
        return [Finding(Light.AMBER, "never_synced")]
    found = [*_of_the_sync(known, due), *_of_the_rows(known), *_of_the_proofs(known, moment)]
    if secret is not None and known.secrets - {secret}:
        found.append(Finding(Light.AMBER, "secret_old"))
    return sorted(found, key=lambda finding: finding.light is not Light.RED)


def _of_the_sync(known: Known, due: datetime | None) -> Iterator[Finding]:
    newest, last = known.newest, known.last
    if known.waiting:
        yield Finding(Light.RED, "deletes_wait", {"submissions": len(known.waiting.ids)})
    if newest and newest["error"] and newest["failure"] != "DeletesWaitError":
        yield Finding(Light.RED, "sync_failed")
    elif newest and newest["error"] and not newest["waiting_code"]:
        yield Finding(Light.RED, "deletes_not_proven")
    if last is None:
        yield Finding(Light.AMBER, "never_synced")
    elif due is not None and last["finished_at"] < due:
        yield Finding(Light.AMBER, "late")
    if last is not None and (known.epochs.must_read_all or known.declared_otherwise):
        yield Finding(Light.AMBER, "read_anew")
    if known.ended and known.ended["sees_part"]:
        yield Finding(Light.AMBER, "sees_part")


def _of_the_rows(known: Known) -> Iterator[Finding]:
    applied, rejected = known.held["applied"], known.held["rejected"]
    if known.ended and (difference := known.ended["count_difference"]):
        yield Finding(Light.RED, "rows_differ", {"rows": abs(difference)})
    if rejected and not applied:
        yield Finding(Light.RED, "all_rejected", {"rejected": rejected})
    elif rejected > _REJECTED_LEAST or rejected > _REJECTED_SHARE * (applied + rejected):
        yield Finding(Light.AMBER, "many_rejected", {"rejected": rejected})


def _of_the_proofs(known: Known, moment: datetime) -> Iterator[Finding]:
    if known.proof and (number := differences_of(known.proof)):
        yield Finding(Light.RED, "proof_differs", {"differences": number})
    elif known.full_proof and (number := differences_of(known.full_proof)):
        yield Finding(Light.RED, "full_proof_differs", {"differences": number})
    if known.last_verification_failed:
        yield Finding(Light.AMBER, "verify_failed")
    if known.last is None:
        return
    if known.full_proof is None:
        yield Finding(Light.AMBER, "never_proven")
    elif known.history_gap and known.full_proof["started_at"] < known.history_gap:
        yield Finding(Light.AMBER, "history_gap")
    elif known.full_proof["finished_at"] < moment - _FULL_PROOF_LIFETIME:
        yield Finding(Light.AMBER, "proof_old", {"days": (moment - known.full_proof["finished_at"]).days})


def differences_of(proof: RowMapping) -> int:
    """How many differences a proof found."""
    return sum(int(proof[kind]) for kind in _DIFFERENCES)


def describe_proof(proof: RowMapping) -> str:
    """What a proof found, such as ``5000 compared, 3 rejected``."""
    found = ", ".join(f"{proof[name]} {name}" for name in PROVEN if proof[name])
    return found or "an empty form"
