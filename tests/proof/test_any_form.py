"""Whatever a form asks and becomes, and whatever happens, an exact sync ends in tables that are right.

They are found and read by the catalog alone, and judged by a reader that shares no code with what wrote them.
``PROOF_MINUTES``: how long to try new histories for each kind of database; ``PROOF_SEED``: the first of them.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from kobo_mirror.forms.declared import FORM
from simulator.contents import uid
from simulator.options import Options
from tests.support.closing_sentences import CLOSING_SENTENCE
from tests.support.forms.form_events import Event, FormEvents
from tests.support.forms.form_histories import ASSET, MODES, History, drawn_chains, drawn_histories
from tests.support.forms.histories import Deployed
from tests.support.forms.mirrored_form import CatalogReader, FormDatabase, MirroredForm
from tests.support.interleaved_server import InterleavedServer
from tests.support.observed_mirror import CUT, DONE, UNEQUAL, WAITING, ObservedMirror

MINUTES = float(os.environ.get("PROOF_MINUTES", "0.2"))
SEED = int(os.environ.get("PROOF_SEED", "0")) or secrets.randbits(32)
BATCH = 5


@dataclass
class Counts:
    """How many histories there were, and what was in them."""

    told: Counter[str] = field(default_factory=Counter)

    @property
    def sentence(self) -> str:
        """What was tried."""
        return ", ".join(f"{count} {name}" for name, count in sorted(self.told.items()))


class Run:
    """One history under way."""

    def __init__(
        self, history: History, server: InterleavedServer, database: FormDatabase, counts: Counts
    ) -> None:
        self.history, self.counts = history, counts
        self.mirrored = MirroredForm(server, database, page_size=history.page_size, policy=history.policy)
        self.names: dict[tuple[object, ...], tuple[str, str]] = {}
        self.events = FormEvents(server.control, history.drawn)

    def happen(self, event: Event) -> None:
        """Let one event happen."""
        self.counts.told[event.name] += 1
        if event.name == "deliver":
            bodies = self.events.bodies
            if bodies:
                self.mirrored.deliver(bodies[-1 - event.pick % len(bodies)], event.variant % 2)
        elif event.name == "cut":
            outcome = self.mirrored.sync(MODES[event.variant % 3], cut=event.pick)
            assert outcome in (CUT, DONE, WAITING, UNEQUAL), self.mirrored.error
        elif event.name in ("approve", "apply"):
            self.mirrored.approve()
            if event.name == "apply":
                self.sync("exact")
        elif event.name in MODES:
            self.sync(event.name)
        else:
            self.events.happen(event)

    def sync(self, mode: str) -> None:
        """Sync, and judge the tables."""
        outcome = self.mirrored.sync_and_confirm(mode)
        assert outcome in (DONE, UNEQUAL), f"{outcome}: {self.mirrored.error}"
        if outcome == DONE or mode != "incremental":
            (self.check_what_is_new if mode == "incremental" else self.check)()
        if mode != "incremental" and outcome == UNEQUAL:
            assert self.expected() == UNEQUAL, self.mirrored.error

    def expected(self) -> str:
        """The outcome of a sync: if there are submissions and the survey takes none, it is no success."""
        if not self.history.is_survey:
            return DONE
        return ObservedMirror.expected(self.events.shown().values())

    def reader(self) -> CatalogReader:
        """The tables as they are now."""
        deployed, schema = self.events.deployed, self.mirrored.mirror.schema
        versions = [] if self.history.is_survey else list(self._named(deployed))
        file_questions = self.history.file_questions(deployed)
        if self.mirrored.waiting() and schema:  # what waits has no columns, or is not about files yet
            self.counts.told["judged while a plan waits"] += 1
            versions = []
            file_questions = {c.path for table in schema.tables for c in table.columns if c.names_file}
        found = CatalogReader(self.mirrored, versions, file_questions)
        assert self.names.items() <= found.names.items(), "a name has moved"
        self.names = found.names
        return found

    def check_what_is_new(self) -> None:
        """Everything that the server shows is there, and as it was at some time."""
        reader, shown = self.reader(), self.events.shown()
        assert reader.ids() >= shown.keys()
        for kobo_id in reader.ids():
            states = self.events.states[kobo_id]
            told = [reader.faults(kobo_id, state) for state in states]
            assert [] in told, told[-1]

    def check(self) -> None:
        """The tables are right; what changed without a new edit token may need a proof and its repair."""
        shown = self.events.shown()
        wrong = self.reader().wrong(shown)
        assert wrong.keys() <= self.events.touched, wrong
        report = self.mirrored.verify()
        stale = {*report.differing["stale"]}
        assert sum(report.differences.values()) == len(stale), report.sentence
        assert wrong.keys() <= stale <= self.events.touched, (wrong, report.sentence)
        if stale:
            self.counts.told["repaired"] += 1
            assert self.mirrored.repair(report) == DONE, self.mirrored.error
            assert self.reader().wrong(shown) == {}
            report = self.mirrored.verify()
        assert not any(report.differences.values()), report.sentence
        assert not any(self.mirrored.verify(full=False).differences.values())
        self.events.touched.clear()

    def _named(self, deployed: int) -> Iterator[Deployed]:
        for number, version in enumerate(self.history.versions[:deployed], 1):
            yield Deployed(uid("v", ASSET, number), version.tree)


def run(history: History, database: FormDatabase, counts: Counts) -> None:
    """Let a history happen, and end it with a clean exact sync."""
    counts.told["histories"] += 1
    counts.told["of the survey"] += history.is_survey
    database.empty()
    with InterleavedServer(Options(rows=0), (history.setup,)) as server:
        one = Run(history, server, database, counts)
        try:
            for event in history.events:
                one.happen(event)
            one.sync("exact")
            one.mirrored.approve()
            one.sync("exact")
            assert one.mirrored.sync("exact") == one.expected()
            assert one.mirrored.waiting() is None
            assert (FORM.table in one.mirrored.mirror.table) == history.is_survey
        except BaseException as error:
            error.add_note(repr(history))
            raise
        finally:
            one.mirrored.client.close()


@pytest.fixture
def database(database_url: str, small_pages: None) -> Iterator[FormDatabase]:
    made = FormDatabase(database_url)
    yield made
    made.close()


def try_histories(
    database: FormDatabase,
    batches: Iterator[int],
    examples: int,
    histories: Callable[[], st.SearchStrategy[History]] = drawn_histories,
) -> Counts:
    """Try some histories from each of some seeds."""
    counts = Counts()
    for number in batches:

        @seed(number)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            print_blob=False,
            phases=(Phase.generate,),  # to shrink would take longer than to read what failed
            suppress_health_check=list(HealthCheck),
        )
        @given(histories())
        def each(history: History) -> None:
            run(history, database, counts)

        each()
    return counts


def for_minutes(minutes: float, first: int) -> Iterator[int]:
    """Numbers from the first one on, until time is up."""
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        yield first
        first += 1


def test_some_forms_and_histories_end_in_right_tables(database: FormDatabase) -> None:
    try_histories(database, iter((2,)), 3)


def test_some_chains_of_versions_end_in_right_tables(database: FormDatabase) -> None:
    try_histories(database, iter((3,)), 2, drawn_chains)


@pytest.mark.long
@pytest.mark.parametrize("histories", [drawn_histories, drawn_chains])
def test_many_forms_and_histories_end_in_right_tables(
    database: FormDatabase,
    histories: Callable[[], st.SearchStrategy[History]],
    record_property: Callable[[str, object], None],
) -> None:
    kind, seeds = database.looking.dialect.name, for_minutes(MINUTES, SEED)
    told = f"{kind}: {histories.__name__.removeprefix('drawn_')} of any form"
    record_property(CLOSING_SENTENCE, f"{told}, from seed {SEED}")
    counts = try_histories(database, seeds, BATCH, histories)
    record_property(CLOSING_SENTENCE, f"{told}: {counts.sentence}: all tables right")
