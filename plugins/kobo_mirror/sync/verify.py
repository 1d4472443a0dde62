"""Verify: the proof that the mirror equals the server, cell by cell; it writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form import Mirror
from kobo_mirror.forms.rows import State, read_state
from kobo_mirror.kobo.client import KoboClient, Page
from kobo_mirror.store.database import reading
from kobo_mirror.store.ledger import Held, Seen, held_between, held_of, rows_between, rows_of
from kobo_mirror.store.schema import at_head, bound_to
from kobo_mirror.sync.pull import Progress

KINDS = ("missing", "extra", "stale", "different")
_NAMED = 10
_PAGE = 1000
_AT_ONCE = 250


@dataclass
class Report:
    """What a proof found; a rejection is no difference.

    ``differences`` holds how many there are of each kind, ``named`` the first ten ids of each.
    """

    compared: int = 0
    rejected: int = 0
    differences: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    named: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    @property
    def equal(self) -> bool:
        """Whether the mirror equals the server, rejections apart."""
        return not any(self.differences.values())

    @property
    def sentence(self) -> str:
        """The result in a line."""
        number = sum(self.differences.values())
        apart = f", {self.rejected} rejected" if self.rejected else ""
        if self.equal:
            return f"mirror equals source: {self.compared} submissions, 0 differences{apart}"
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.differences.items() if count)
        return (
            f"mirror differs from source: {self.compared} submissions, {number} differences ({kinds}){apart}"
        )

    def add(self, kind: str, kobo_id: int) -> None:
        """Count a difference."""
        self.differences[kind] += 1
        if len(self.named[kind]) < _NAMED:
            self.named[kind].append(kobo_id)


def verify(client: KoboClient, engine: Engine, mirror: Mirror, progress: Progress) -> Report:
    """Compare every submission on the server, shaped, with the ledger and every cell of the form table.

    A difference counts only if it is still there after those submissions were asked for again and the
    tables read again: what arrives meanwhile is none.

    :raises SchemaError: the form table mirrors another form or none yet.
    """
    if not at_head(engine, mirror.form) or bound_to(engine, mirror.form) is None:
        raise SchemaError("There is nothing to verify yet: run `python -m kobo_mirror sync` first.")
    if bound_to(engine, mirror.form) != (mirror.server, mirror.asset_uid):
        raise SchemaError(
            f"The table {mirror.form.table} mirrors another form: there is no proof about {mirror.asset_uid}."
        )
    proof = _Proof(client, engine, mirror)
    after, last_page = 0, False
    while not last_page:
        page = client.page(after=after, limit=_PAGE)
        last_page = not page.ids
        proof.compare(page, after)
        progress("verify", len(page.ids), page.count if after == 0 else None)
        after = page.ids[-1] if page.ids else after
    return proof.report


class _Proof:
    def __init__(self, client: KoboClient, engine: Engine, mirror: Mirror) -> None:
        self._client, self._engine, self._mirror = client, engine, mirror
        self.report = Report()

    def compare(self, page: Page, after: int) -> None:
        upto = page.ids[-1] if page.ids else None
        with reading(self._engine) as connection:
            held = held_between(connection, self._mirror.asset_uid, after, upto)
            rows = rows_between(connection, self._mirror, after, upto)
        shown = self._states(page)
        self.report.compared += len(shown)
        self.report.rejected += sum(state.row is None for state in shown.values())
        doubts = sorted(_differences(shown, held, rows))
        for first in range(0, len(doubts), _AT_ONCE):
            self._look_again(doubts[first : first + _AT_ONCE])

    def _look_again(self, ids: list[int]) -> None:
        shown = self._states(self._client.by_ids(ids))
        with reading(self._engine) as connection:
            held = held_of(connection, self._mirror.asset_uid, ids)
            rows = rows_of(connection, self._mirror, ids)
        for kobo_id, kind in sorted(_differences(shown, held, rows).items()):
            self.report.add(kind, kobo_id)

    def _states(self, page: Page) -> dict[int, State]:
        return {state.kobo_id: state for state in (read_state(row, self._mirror) for row in page.rows)}


def _differences(
    shown: Mapping[int, State], held: Mapping[int, Held], rows: Mapping[int, tuple[Any, ...]]
) -> dict[int, str]:
    kinds = {
        i: _judge(shown.get(i), held.get(i), rows.get(i)) for i in shown.keys() | held.keys() | rows.keys()
    }
    return {kobo_id: kind for kobo_id, kind in kinds.items() if kind}


def _judge(shown: State | None, held: Held | None, row: tuple[Any, ...] | None) -> str | None:
    if shown is None:
        return "extra"
    if held is None:
        return "missing"
    if Seen(shown.kobo_id, shown.uuid, shown.validation_status, shown.validation_timestamp) != held.seen:
        return "stale"
    if shown.row != row:
        return "missing" if row is None else "extra" if shown.row is None else "different"
    return "different" if (shown.digest, shown.row_digest) != (held.digest, held.row_digest) else None
