"""Any history of a form, in any order with deliveries, syncs, crashes and faults, ends in an equal mirror.

It does so with the next exact sync. What moved without a new edit token while the history could not be read
(kobo-api.md §3) is the one exception: the next full proof finds just that, and its repair mends it.

``PROOF_MINUTES`` says how long to try new histories, for each kind of database; ``PROOF_SEED`` with which to
start.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from kobo_mirror.sync.verify import Report
from simulator.faults import KINDS
from simulator.options import Options
from tests.support.closing_sentences import CLOSING_SENTENCE
from tests.support.interleaved_server import InterleavedServer, ScheduledAction
from tests.support.observed_mirror import DONE, FAILED, WAITING, ObservedMirror
from tests.support.server_events import Event, ServerEvents

MINUTES = float(os.environ.get("PROOF_MINUTES", "0.1"))
SEED = int(os.environ.get("PROOF_SEED", "0")) or secrets.randbits(32)
BATCH = 15

SERVER_EVENTS = (
    "create", "hide", "reveal", "phantom", "vanish", "edit", "edit", "edit all", "validate", "clear",
    "delete", "delete many", "duplicate", "attach", "redeploy", "redeploy repeat", "redeploy group",
    "move answers", "move answers",
)  # fmt: skip
RIGHTS = ("view less", "view all")
PICKS, VARIANTS = st.integers(0, 12), st.integers(0, 20)
EVENTS = st.builds(Event, st.sampled_from(SERVER_EVENTS), PICKS, VARIANTS)
DELIVERIES = st.builds(Event, st.just("deliver"), PICKS)
MEANWHILE = st.builds(
    Event, st.sampled_from((*SERVER_EVENTS, "deliver", "deliver", *RIGHTS, "sync")), PICKS, VARIANTS
)
MOMENTS = st.lists(st.tuples(st.integers(0, 16), st.booleans(), MEANWHILE), max_size=4)
MODES = st.sampled_from(("auto", "incremental", "exact"))
CUTS = st.none() | st.integers(0, 120)
FAULTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "count": st.sampled_from((1, 2, 3, None)),
        "every": st.integers(1, 3),
        "after": st.integers(0, 12),
        "path": st.sampled_from(("", "/data", "fields", "%24in|in%22", "sort", "aInkomoko[^/]*json")),
        "seconds": st.just(0),
    }
)


class History(RuleBasedStateMachine):
    """One form from its first submission to a last proof."""

    server: ClassVar[InterleavedServer]
    server_events: ClassVar[ServerEvents]
    mirror: ClassVar[ObservedMirror]
    told: ClassVar[int] = 0
    moved: ClassVar[int] = 0

    @initialize(
        rows=st.integers(0, 5),
        page_size=st.sampled_from((1, 2, 3, 1000)),
        media=st.booleans(),
        manages=st.booleans(),
    )
    def begin(self, rows: int, page_size: int, media: bool, manages: bool) -> None:
        self.server_events.begin(rows, media=media, manages=manages)
        self.mirror.begin(page_size)
        type(self).told += 1
        self.runs = 0

    @rule(events=st.lists(EVENTS, min_size=1, max_size=4))
    def happen(self, events: list[Event]) -> None:
        for event in events:
            self.server_events.happen(event)

    @rule(pick=PICKS, cut=st.none() | st.integers(0, 12))
    def deliver(self, pick: int, cut: int | None) -> None:
        bodies = self.server_events.bodies
        if bodies:
            with self.mirror.observed(alone=True):
                assert self.mirror.deliver(bodies[-1 - pick % len(bodies)], cut=cut) != FAILED

    @rule(mode=MODES, moments=MOMENTS, cut=CUTS, confirm=st.booleans())
    def sync(self, mode: str, moments: list[tuple[int, bool, Event]], cut: int | None, confirm: bool) -> None:
        mark = self.mirror.mark if confirm else None
        self._observe(moments, lambda: self.mirror.sync(mode, cut=cut, confirm=mark))

    @rule(mode=MODES, moments=MOMENTS, fault=FAULTS)
    def sync_through_a_fault(
        self, mode: str, moments: list[tuple[int, bool, Event]], fault: dict[str, Any]
    ) -> None:
        self.server.control.faults.add(**fault)
        self._observe(moments, lambda: self.mirror.sync(mode))
        self.server.control.faults.clear()

    @rule(mode=MODES, moments=MOMENTS, cut_step=st.integers(0, 3), cut=CUTS)
    def sync_in_steps(
        self, mode: str, moments: list[tuple[int, bool, Event]], cut_step: int, cut: int | None
    ) -> None:
        self.runs += 1
        name = f"scheduled {self.runs}"
        self._observe(moments, lambda: self.mirror.sync_in_steps(mode, name, cut_step=cut_step, cut=cut))

    @rule(moments=MOMENTS, cut=CUTS)
    def repair(self, moments: list[tuple[int, bool, Event]], cut: int | None) -> None:
        self._observe(moments, lambda: self.mirror.repair(cut=cut))

    @rule(minutes=st.sampled_from((3, 6, 16, 1500)))
    def wait(self, minutes: int) -> None:
        self.mirror.pass_time(minutes)
        self.server_events.pass_time(minutes)

    def teardown(self) -> None:
        """One more clean exact sync, and then the proof."""
        self.server.control.faults.clear()
        self.server_events.view_all()
        self.wait(6)
        with self.mirror.observed(alone=True):
            outcome = self.mirror.sync("exact")
            if outcome == WAITING:
                outcome = self.mirror.sync("exact", confirm=self.mirror.mark)
        report = self.mirror.verify()
        if self.server_events.moved and any(report.differences.values()):
            self._repair_what_moved(report)
            report = self.mirror.verify()
        else:
            assert outcome == self.mirror.expected(self.server_events.rows().values()), self.mirror.error
        assert not any(report.differences.values()), report.sentence
        self.mirror.check_rows(self.server_events.rows())

    def _repair_what_moved(self, report: Report) -> None:
        stale = set(report.differing["stale"])
        assert sum(report.differences.values()) == len(stale), report.sentence
        assert stale <= self.server_events.moved, report.sentence
        type(self).moved += 1
        with self.mirror.observed(alone=True):
            assert self.mirror.repair() == DONE, self.mirror.error

    def _observe(self, moments: list[tuple[int, bool, Event]], work: Any) -> None:
        planned = [
            ScheduledAction(number, answered, lambda e=event: self._meanwhile(e))
            for number, answered, event in moments
        ]
        with self.mirror.observed(alone=not moments), self.server.meanwhile(planned):
            work()
        self.server_events.view_all()

    def _meanwhile(self, event: Event) -> None:
        if event.name == "sync":
            self.mirror.sync_elsewhere("exact" if event.pick % 2 else "auto")
        elif event.name == "deliver":
            if bodies := self.server_events.bodies:
                self.mirror.deliver(bodies[-1 - event.pick % len(bodies)])
        else:
            self.server_events.happen(event)


@pytest.fixture
def history(database_url: str, small_pages: None) -> Iterator[type[History]]:
    with InterleavedServer(Options(rows=0, media=True)) as server:
        observed = ObservedMirror(server.url, server.token, server.asset, database_url, server.control.ids)
        server_events = ServerEvents(server.control, server.token, observed.looks_back)
        yield type(
            "History", (History,), {"server": server, "server_events": server_events, "mirror": observed}
        )
        observed.close()


def test_every_history_ends_in_an_equal_mirror(
    history: type[History], record_property: Callable[[str, object], None], database_url: str
) -> None:
    until, number = time.monotonic() + 60 * MINUTES, SEED
    record_property(CLOSING_SENTENCE, f"{database_url.partition(':')[0]}: histories from seed {SEED}")
    options = settings(
        max_examples=BATCH,
        stateful_step_count=12,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    while time.monotonic() < until:
        number += 1
        run_state_machine_as_test(seed(number)(history), settings=options)
    counted = (
        f"{history.told} histories with {history.server_events.moves} moved answers, all equal, "
        f"{history.moved} of them by a full proof and its repair"
    )
    record_property(CLOSING_SENTENCE, f"{database_url.partition(':')[0]}: {counted}")
