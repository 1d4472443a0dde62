"""Verify: prove that the mirror equals the server, cell by cell; nothing of the mirror is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection, Engine

from kobo_mirror.config.setting_names import OF_ENVIRONMENT
from kobo_mirror.database.engine import clock, read, read_snapshot, reading, transact
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import KoboClient, Page
from kobo_mirror.store.binding_checks import check_catalog, check_shape, check_tables, check_views
from kobo_mirror.store.bindings import epochs_of, is_bound, is_shaped_otherwise
from kobo_mirror.store.ledger_windows import LedgerRow, SweptRow, ledger_rows_between, ledger_rows_of
from kobo_mirror.store.mirror_tables import NO_ROWS, FoundRows, MirrorTables
from kobo_mirror.store.proofs import DIFFERENCES as KINDS
from kobo_mirror.store.proofs import full_proof_is_due, note_proof
from kobo_mirror.store.refetch_queue import enqueue, unreadable_ids
from kobo_mirror.store.row_counts import BEFORE_ALL
from kobo_mirror.store.schema import require_tables
from kobo_mirror.submissions.rows import State
from kobo_mirror.sync.failure_notes import noting_failed_verification
from kobo_mirror.sync.judging import DIGEST_ALONE, judge
from kobo_mirror.sync.paging import ask_halving, page_or_end
from kobo_mirror.sync.source import Progress, no_progress, state_of
from kobo_mirror.sync.sweep import swept_rows_of

_NAMED = 10
_PAGE = 1000
_AT_ONCE = 250


@dataclass
class Report:
    """What a proof found; a rejection is no difference, nor is what the server cannot send.

    :param whole: True if every answer was compared, False if only tokens and digests were.
    :param sees_part: True if the token sees only some of the form's submissions.
    :param uid_setting: the name of the setting that gives the form.
    :param compared: how many submissions were compared.
    :param rejected: how many of them are rejected.
    :param unreadable: the ``_id`` of each submission that the server cannot send: it was not compared.
    :param differing: the ``_id`` of each submission that differs, by the kind of difference.
    """

    whole: bool = True
    sees_part: bool = False
    uid_setting: str = OF_ENVIRONMENT.uid
    compared: int = 0
    rejected: int = 0
    unreadable: list[int] = field(default_factory=list)
    differing: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    @property
    def differences(self) -> dict[str, int]:
        """The number of differences of each kind."""
        return {kind: len(ids) for kind, ids in self.differing.items()}

    @property
    def named(self) -> dict[str, list[int]]:
        """The first ten ids of each kind."""
        return {kind: sorted(ids)[:_NAMED] for kind, ids in self.differing.items()}

    @property
    def all_rejected(self) -> bool:
        """True if there are submissions and not one of them fits the form table."""
        return 0 < self.compared <= self.rejected

    @property
    def equal(self) -> bool:
        """True if the mirror equals the server in all that was compared, rejections apart.

        Where all are rejected it does not.
        """
        return not any(self.differences.values()) and not self.all_rejected

    @property
    def sentence(self) -> str:
        """The result in a line."""
        number = sum(self.differences.values())
        apart = f", {self.rejected} rejected" if self.rejected else ""
        if self.unreadable:
            apart += (
                f", {len(self.unreadable)} not compared, which KoboToolbox cannot send: correct them there"
            )
        source = "what this token sees, only some of the form's submissions" if self.sees_part else "source"
        if self.all_rejected and not number:
            return (
                f"mirror holds nothing of the source: all {self.rejected} submissions are rejected. Check "
                f"that {self.uid_setting} names the form that this table is for"
            )
        if self.equal:
            return f"mirror equals {source}: {self.compared} submissions, 0 differences{apart}"
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.differences.items() if count)
        found = f"{number} differences ({kinds})"
        return f"mirror differs from {source}: {self.compared} submissions, {found}{apart}"


def verify(
    client: KoboClient,
    engine: Engine,
    mirror: Mirror,
    progress: Progress,
    *,
    full: bool = True,
    name: str = "verify",
) -> Report:
    """Compare the server with the ledger, and the form table with what the ledger holds of each row.

    A difference counts only if it is still there after those submissions were asked for again and the tables
    were read again, so that what arrives meanwhile is none. The result joins the history of proofs. A
    verification that ends without a result is noted among the runs.

    :param client: the form's client.
    :param engine: the database.
    :param mirror: the form and its table.
    :param progress: is told how far the proof is.
    :param full: compare every submission, shaped, with every cell of the form table.
    :param name: what a verification without a result is noted as.
    :returns: what was found.
    :raises SchemaError: the database mirrors another form or none yet, its tables changed meanwhile or were
        changed by hand, a view was, or the catalog does not describe them.
    """
    with noting_failed_verification(engine, name, mirror.asset_uid):
        return _verified(client, engine, mirror, progress, full=full)


def _verified(
    client: KoboClient, engine: Engine, mirror: Mirror, progress: Progress, *, full: bool
) -> Report:
    require_tables(engine, mirror.form, asset_uid=mirror.asset_uid)
    with reading(engine) as connection:
        if not mirror.has_tables or not is_bound(connection, mirror):
            raise SchemaError("There is nothing to verify yet: run `python -m kobo_mirror sync` first.")
        check_shape(connection, mirror)
        epochs = epochs_of(connection, mirror.table)
        client.expect_unsent(unreadable_ids(connection, mirror.asset_uid))
    read_snapshot(engine, partial(check_catalog, mirror=mirror))
    read(engine, partial(check_tables, mirror=mirror))
    read(engine, partial(check_views, asset_uid=mirror.asset_uid))
    full = full or epochs.must_read_all  # digests are of older rows
    proof = _Proof(client, engine, mirror, full=full)
    proof.report.sees_part = client.form().restricted
    started_at = clock(engine)
    ask = client.page if full else client.sweep_page
    after, limit, done = 0, _PAGE, False
    while not done:
        page, limit, done = page_or_end(client, ask, limit, after=after, upto=None)
        upto = None if done else page.shown[-1]
        proof.compare(page, after or BEFORE_ALL, upto)
        progress("verify", len(page.shown), page.count if after == 0 else 0)
        after = page.shown[-1] if page.shown else after
    with reading(engine) as connection:
        if is_shaped_otherwise(connection, mirror) or epochs_of(connection, mirror.table) != epochs:
            raise SchemaError("The form's tables were changed while they were compared: verify again.")
    report = proof.report
    found = {"compared": report.compared, "rejected": report.rejected, **report.differences}
    found["unreadable"] = len(report.unreadable)
    note_proof(engine, mirror.asset_uid, started_at=started_at, whole=full, found=found)
    return report


def prove_when_due(client: KoboClient, engine: Engine, mirror: Mirror, every_days: int) -> Report | None:
    """Compare every answer, if the last proof that did so is too old, or there is none.

    :param client: the form's client.
    :param engine: the database.
    :param mirror: the form and its table.
    :param every_days: how old it may be, in days; 0: never compare.
    :returns: the result, None if it is not due.
    """
    if not full_proof_is_due(engine, mirror.asset_uid, every_days):
        return None
    return verify(client, engine, mirror, no_progress, full=True)


class _Proof:
    """A proof under way.

    :param full: compare every answer.
    """

    def __init__(self, client: KoboClient, engine: Engine, mirror: Mirror, *, full: bool) -> None:
        self._client, self._engine, self._mirror = client, engine, mirror
        self._tables = MirrorTables(mirror)
        self.report = Report(whole=full, uid_setting=client.names.uid)

    def compare(self, page: Page, after: int, upto: int | None) -> None:
        """Compare a page with what is stored of ``after < id <= upto``, None for no end."""
        shown = self._shown(page, whole=self.report.whole)
        asset = self._mirror.asset_uid

        def look(connection: Connection) -> tuple[dict[int, LedgerRow], dict[int, FoundRows]]:
            held = ledger_rows_between(connection, asset, after, upto)
            return held, self._tables.between(connection, after, upto)

        held, rows = read_snapshot(self._engine, look)
        self.report.rejected += sum(held[i].state == "rejected" for i in page.ids if i in held)
        unsent = set(page.unsent)
        to_check = sorted(self._differences(shown, held, rows).keys() - unsent)
        while to_check:
            again, some = ask_halving(self._client.by_ids, to_check[:_AT_ONCE])
            self._look_again(again, some)
            unsent.update(again.unsent)
            del to_check[: len(some)]
        self.report.compared += len(set(page.ids) - unsent)
        self.report.unreadable += sorted(unsent)

    def _look_again(self, page: Page, ids: list[int]) -> None:
        shown = self._shown(page, whole=True)

        def look(connection: Connection) -> tuple[dict[int, LedgerRow], dict[int, FoundRows]]:
            held = ledger_rows_of(connection, self._mirror.asset_uid, ids)
            return held, self._tables.of(connection, ids)

        held, rows = read_snapshot(self._engine, look)
        found = self._differences(shown, held, rows)
        by_digest = [kobo_id for kobo_id, kind in found.items() if kind == DIGEST_ALONE]
        transact(self._engine, partial(self._ask_again, ids=by_digest))
        for kobo_id, kind in found.items():
            if kind != DIGEST_ALONE and kobo_id not in page.unsent:
                self.report.differing[kind].append(kobo_id)

    def _ask_again(self, connection: Connection, ids: list[int]) -> None:
        enqueue(connection, self._mirror.asset_uid, ids, "its document differs, its rows do not")

    def _differences(
        self,
        shown: Mapping[int, State | SweptRow],
        held: Mapping[int, LedgerRow],
        rows: Mapping[int, FoundRows],
    ) -> dict[int, str]:
        ids = shown.keys() | held.keys() | rows.keys()
        kinds = {i: judge(shown.get(i), held.get(i), rows.get(i, NO_ROWS), self._mirror) for i in ids}
        return {kobo_id: kind for kobo_id, kind in kinds.items() if kind}

    def _shown(self, page: Page, *, whole: bool) -> dict[int, State | SweptRow]:
        if whole:
            states = (state_of(*pair, self._mirror) for pair in zip(page.rows, page.ids, strict=True))
            return {state.kobo_id: state for state in states}
        return dict(zip(page.ids, swept_rows_of(page), strict=True))
