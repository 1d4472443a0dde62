"""Deletes: remove what no longer exists on the server, by proof, and held back by the delete guard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import DeletesWaitError, ServerError
from kobo_mirror.kobo.form import FormInfo, KoboClient
from kobo_mirror.store import runs
from kobo_mirror.store.batches import Absent
from kobo_mirror.store.codes import close_codes, code_for, covered_by
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.ledger import deleted_since, existing_among, state_counts
from kobo_mirror.store.refetch_queue import Entry
from kobo_mirror.store.server_deletes import of_other_forms
from kobo_mirror.sync.source import Source

ASK_AT_ONCE = 249  # and a witness: 250 ids in a URL (kobo-api.md §1.2)
_GUARD_LEAST = 10
_GUARD_SHARE = 0.05
_GUARD_TIME = timedelta(hours=24)
_NAMED = 10
_WITNESSES = 3  # one may be the trace of a submission that was never completed (kobo-api.md §1.3)


class _Proof(NamedTuple):
    """Entries that the server did not answer with a submission, though it answered with a witness.

    :param sent_at: the database's clock (UTC) before it was asked.
    """

    entries: list[Entry]
    sent_at: datetime


class _Judged(NamedTuple):
    """What is to become of submissions that are no longer shown, each by its ``_id``.

    :param known: those that exist in the mirror.
    :param covered: those whose delete a person's code confirms.
    :param held: those that the guard keeps until a person confirms their delete.
    :param size: how many submissions exist in the mirror.
    :param elsewhere: how many the server's other forms have lost lately, if it is these that make the guard
        hold; else 0.
    """

    known: list[int]
    covered: list[int]
    held: list[int]
    size: int
    elsewhere: int


def remove_absent(
    source: Source, lease: Lease, run_id: int, entries: Sequence[Entry], confirmed: str | None
) -> bool:
    """Delete what is gone: each id is asked for together with a witness, and only the witness comes.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id.
    :param entries: entries of the refetch queue that the server had no submission for.
    :param confirmed: the code of a waiting list that a person has confirmed, or None. What has gone since
        that list was shown is not covered by it.
    :returns: True if some of them have come back meanwhile, so that they must be asked for again.
    :raises ServerError: an absence could not be proven; none of them was deleted.
    :raises DeletesWaitError: there are too many, or they are the form's last: what no code covers was not
        deleted. The same where this token sees only some of the submissions, or its rights changed
        meanwhile: then nothing was deleted.
    """
    if not entries:
        _close_codes(source)
        return False
    before = source.client.form()
    _require_full_view(before, len(entries))
    judged = _judge(source, entries, confirmed)
    known, covered, held = set(judged.known), set(judged.covered), set(judged.held)
    # A person's code stands in for the witness of a form that is empty, also for what was never stored here.
    never_stored = {int(entry.ref) for entry in entries} - known
    meant = covered | never_stored if covered else set()
    confirmed_ones = [entry for entry in entries if int(entry.ref) in meant]
    others = [entry for entry in entries if int(entry.ref) not in meant | held]
    confirmed_proofs = list(_proofs(source, confirmed_ones, last_rows=True))
    proofs = [*confirmed_proofs, *_proofs(source, others, last_rows=False)]
    if source.client.form().permissions != before.permissions:
        raise DeletesWaitError(
            "The token's rights changed while deletes were proven, so nothing was deleted: sync again."
        )
    for number, proof in enumerate(proofs, start=1):
        source.writer.remove(
            Absent(
                ids=[int(entry.ref) for entry in proof.entries],
                sent_at=proof.sent_at,
                lease=lease,
                run_id=run_id,
                to_take_off=proof.entries,
                reason=f"confirmed {confirmed}" if number <= len(confirmed_proofs) else None,
                code=confirmed if number == len(confirmed_proofs) else None,
            )
        )
    if held:
        raise DeletesWaitError(
            _waiting_sentence(source, run_id, judged, stale=bool(confirmed and not covered))
        )
    proven = sum(len(proof.entries) for proof in proofs)
    if proven == len(entries):
        _close_codes(source)
    return bool(proofs) and proven < len(confirmed_ones) + len(others)


def _close_codes(source: Source) -> None:
    transact(source.engine, lambda connection: close_codes(connection, source.mirror.asset_uid))


def _require_full_view(form: FormInfo, absent: int) -> None:
    if form.restricted or "view_submissions" not in form.permissions:
        raise DeletesWaitError(
            f"{absent} submissions are no longer shown, but this token sees only some of the form's "
            "submissions, so nothing was deleted: use the token of an account that may view all of them."
        )


def _judge(source: Source, entries: Sequence[Entry], confirmed: str | None) -> _Judged:
    """Tell which of the absent submissions a code covers, and which the guard holds.

    The guard lets 10 submissions or 5 % of the form pass within 24 hours, and never the form's last ones; of
    all forms of one server together it lets as many pass. What a person has confirmed does not count.
    """
    asset = source.mirror.asset_uid
    with reading(source.engine) as connection:
        waiting = sorted(_existing(connection, asset, entries))
        covered = covered_by(connection, asset, confirmed, waiting) if confirmed else []
        counts = state_counts(connection, asset)
        recent = deleted_since(connection, asset, _GUARD_TIME)
        others = of_other_forms(connection, source.mirror, _GUARD_TIME)
    size = counts.get("applied", 0) + counts.get("rejected", 0)
    rest = sorted(set(waiting).difference(covered))
    left = size - len(covered)
    passes = _are_few(len(rest), left, recent) and len(rest) < left
    passes_server = _are_few(len(rest), left + others.submissions, recent + others.deleted)
    held = [] if passes and passes_server else rest
    return _Judged(waiting, covered, held, size, others.deleted if passes and not passes_server else 0)


def _are_few(absent: int, existing: int, recent: int) -> bool:
    """Return True if the guard lets so many pass, of so many, after as many as were deleted lately."""
    return absent + recent <= max(_GUARD_LEAST, _GUARD_SHARE * (existing + recent))


def _existing(connection: Connection, asset_uid: str, entries: Sequence[Entry]) -> Iterator[int]:
    for first in range(0, len(entries), ASK_AT_ONCE):
        ids = [int(entry.ref) for entry in entries[first : first + ASK_AT_ONCE]]
        yield from existing_among(connection, asset_uid, ids)


def _waiting_sentence(source: Source, run_id: int, judged: _Judged, *, stale: bool) -> str:
    """Store the waiting list under its code; return the sentence that asks a person to confirm it.

    :param stale: True if a code was given and covers none of these.
    """

    def work(connection: Connection) -> str:
        code = code_for(connection, source.mirror.asset_uid, judged.held)
        runs.note_findings(connection, run_id, {"waiting_code": code})
        return code

    code = transact(source.engine, work)
    named = ", ".join(map(str, judged.held[:_NAMED])) + (" …" if len(judged.held) > _NAMED else "")
    before = f" The {len(judged.covered)} that were confirmed are deleted." if judged.covered else ""
    refused = " The code given does not confirm them." if stale else ""
    if judged.elsewhere:
        before += f" Other forms of this server have lost {judged.elsewhere} within 24 hours, too."
    return (
        f"{len(judged.held)} of {judged.size} submissions have gone from the server ({named}). "
        f"They were not deleted.{before}{refused} If that is meant, confirm this list on the page, or by "
        f"`python -m kobo_mirror sync --confirm-deletes {code}`."
    )


def _proofs(source: Source, entries: Sequence[Entry], *, last_rows: bool) -> Iterator[_Proof]:
    for first in range(0, len(entries), ASK_AT_ONCE):
        some = entries[first : first + ASK_AT_ONCE]
        sent_at = source.sent_at()
        shown = _asked_with_witness(source.client, {int(entry.ref) for entry in some})
        if shown or last_rows:
            yield _Proof([entry for entry in some if int(entry.ref) not in shown], sent_at)


def _asked_with_witness(client: KoboClient, ids: set[int]) -> set[int]:
    """Return which of some ids the server shows, with a witness; nothing if it counts no submission at all.

    :raises ServerError: it does not show what it has just named, so that an absence proves nothing.
    """
    for _ in range(_WITNESSES):
        witness = client.newest_id()
        if witness is None and client.count() == 0:
            return set()
        shown = set(client.by_ids(sorted(ids | {witness})).shown) if witness is not None else set()
        if witness in shown:
            return shown
    raise ServerError("The server does not show a submission that it has just named: nothing was deleted.")
