"""A puller and a webhook on one database, without HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.database.engine import clock, transact
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.batches import Absent, Pulled, PushResult
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.lanes import Step, open_lanes
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.refetch_queue import Entry
from kobo_mirror.store.runs import open_run
from kobo_mirror.store.writer import Writer
from tests.support.submissions import MIRROR, body, state


class Writing:
    """Holds the form's lease in a run of its own with one lane.

    :param mirror: a form whose derived tables, if it has any, are made already.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        mirror: Mirror = MIRROR,
        keep_payloads: str = "rejected",
        holder: str = "test",
    ) -> None:
        self.engine, self.mirror = engine, mirror
        bind(engine, mirror)
        self.writer = Writer(engine, mirror, keep_payloads)
        asset = mirror.asset_uid
        self.lease = take_lease(engine, asset, holder)
        self.run_id = transact(engine, lambda connection: open_run(connection, asset, holder, "exact", None))
        transact(engine, lambda connection: open_lanes(connection, asset, self.run_id, [(0, None)]))

    def now(self) -> datetime:
        """Return the database's clock."""
        return clock(self.engine)

    def pull(
        self,
        *submissions: dict[str, Any],
        sent_at: datetime | None = None,
        window: tuple[int, int | None] | None = None,
        known: bool = False,
        step: Step | None = None,
        to_take_off: Sequence[Entry] = (),
    ) -> dict[str, int]:
        """Write what a request brought that was sent just now, or at ``sent_at``."""
        return self.writer.pull(
            Pulled(
                states=[state(submission, self.mirror) for submission in submissions],
                sent_at=sent_at or self.now(),
                lease=self.lease,
                run_id=self.run_id,
                window=window,
                known=known,
                step=step,
                to_take_off=to_take_off,
            )
        )

    def remove(self, *ids: int, reason: str | None = None) -> None:
        """Make tombstones of ids that the server, asked for them just now, did not show."""
        self.writer.remove(
            Absent(
                ids=ids,
                sent_at=self.now(),
                lease=self.lease,
                run_id=self.run_id,
                to_take_off=(),
                reason=reason,
            )
        )

    def push(self, submission: dict[str, Any]) -> PushResult:
        """Take a delivery."""
        return self.writer.push(body(submission))

    def results(self, submissions: Iterable[dict[str, Any]]) -> list[str]:
        """Take deliveries and return what became of each."""
        return [self.push(submission).result for submission in submissions]
