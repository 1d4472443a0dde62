"""Whatever a form asks and becomes, and whatever happens, an exact sync ends in tables that are right.

They are found and read by the catalog alone, and judged by a reader that shares no code with what wrote them.
``PROOF_MINUTES``: how long to try new histories for each kind of database; ``PROOF_SEED``: the first of them.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from kobo_mirror.forms.declared import FORM
from kobo_mirror.sync import deletes, drain, lanes, repair, settle, sweep
from simulator import survey
from simulator.contents import uid
from simulator.form_file import FormSetup, survey_setup
from simulator.options import Options
from tests.support.closing_sentences import CLOSING_SENTENCE
from tests.support.forms.content import content_of
from tests.support.forms.form_events import Drawn, Event, FormEvents
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.mirrored_form import CatalogReader, FormDatabase, MirroredForm
from tests.support.forms.oddities import odd_submissions
from tests.support.forms.submissions import submissions
from tests.support.forms.types import FILES
from tests.support.interleaved_server import InterleavedServer
from tests.support.observed_mirror import CUT, DONE, UNEQUAL, WAITING, ObservedMirror

MINUTES = float(os.environ.get("PROOF_MINUTES", "0.2"))
SEED = int(os.environ.get("PROOF_SEED", "0")) or secrets.randbits(32)
BATCH = 5
FURTHER = "further"  # the group beside the survey's questions
ASSET = "aAnyFormOfHistories001"
SERVER_EVENTS = (
    "create", "create", "answer", "answer", "odd", "edit", "change rows", "change rows", "validate", "clear",
    "parse anew", "attach", "delete file", "delete", "delete many", "duplicate", "deploy", "deploy", "deploy",
)  # fmt: skip
PICKS, VARIANTS = st.integers(0, 12), st.integers(0, 40)
HAPPENING = st.builds(Event, st.sampled_from(SERVER_EVENTS), PICKS, VARIANTS)
DELIVERY = st.builds(Event, st.just("deliver"), PICKS, VARIANTS)
SYNC = st.builds(Event, st.sampled_from(("auto", "exact", "incremental")), PICKS, VARIANTS)
CUT_SYNC = st.builds(Event, st.just("cut"), st.integers(0, 250), VARIANTS)
BEGINNING = st.lists(
    st.builds(Event, st.sampled_from(("create", "answer")), PICKS, VARIANTS), min_size=2, max_size=5
)
EVENTS = st.lists(HAPPENING | HAPPENING | DELIVERY | SYNC | CUT_SYNC, min_size=8, max_size=24)
MODES = ("auto", "exact", "incremental")


@dataclass(frozen=True, repr=False)
class History:
    """A form with its versions, and what happens.

    :param is_survey: the form is the survey, and each version asks further questions beside it.
    """

    versions: Sequence[Deployed]
    is_survey: bool
    drawn: Drawn
    events: Sequence[Event]
    page_size: int

    def __repr__(self) -> str:
        told = ", ".join(f"{event.name} {event.pick} {event.variant}" for event in self.events)
        asked = [version.content["survey"] for version in self.versions]
        return f"{'survey beside ' if self.is_survey else ''}{asked} pages of {self.page_size}: {told}"

    @property
    def setup(self) -> FormSetup:
        first = dict(self.drawn.contents[0])
        if self.is_survey:
            made = survey_setup(Options(rows=0))
            return FormSetup(
                uid=ASSET, name=made.name, formhub_uuid=made.formhub_uuid, contents=(first,), rows=0,
                survey=True,
            )  # fmt: skip
        return FormSetup(uid=ASSET, name="Any form", formhub_uuid="f" * 32, contents=(first,), rows=0)

    def file_questions(self, deployed: int) -> set[str]:
        """The paths of questions for files in the first versions."""
        above = f"{FURTHER}/" if self.is_survey else ""
        found = {
            path if path.startswith("meta/") else above + path
            for version in self.versions[:deployed]
            for path, asked in version.asked.items()
            if asked.type in FILES
        }
        return found | ({survey.PHOTO} if self.is_survey else set())


def beside_the_survey(version: Deployed) -> dict[str, Any]:
    """The survey with further questions, none of which has a name that stands in it."""
    content, further = survey.content(media=True), content_of(version.tree)
    return {
        **content,
        "survey": [
            *content["survey"],
            {"type": "begin_group", "name": FURTHER},
            *further["survey"],
            {"type": "end_group"},
        ],
        "choices": [*content.get("choices", []), *further["choices"]],
    }


@st.composite
def drawn_histories(draw: st.DrawFn) -> History:
    """A form, its versions, its submissions and what happens."""
    versions = draw(histories(versions=4, most=8, wide=None))
    is_survey = draw(st.integers(0, 3)) == 3
    answered = [
        (number, draw(submissions(version)))
        for number, version in enumerate(versions, 1)
        for _ in range(draw(st.integers(0, 2)))
    ]
    odd = draw(st.lists(odd_submissions(versions), max_size=2))
    contents = [beside_the_survey(version) if is_survey else version.content for version in versions]
    page_size = draw(st.sampled_from((1, 2, 3, 1000)))
    events = draw(BEGINNING) + draw(EVENTS)
    return History(versions, is_survey, Drawn(contents, answered, odd), events, page_size)


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
        self.mirrored = MirroredForm(server, database, page_size=history.page_size)
        self.events = FormEvents(server.control, history.drawn)

    def happen(self, event: Event) -> None:
        """Let one event happen."""
        self.counts.told[event.name] += 1
        if event.name == "deliver":
            bodies = self.events.bodies
            if bodies:
                self.mirrored.deliver(bodies[-1 - event.pick % len(bodies)])
        elif event.name == "cut":
            outcome = self.mirrored.sync(MODES[event.variant % 3], cut=event.pick)
            assert outcome in (CUT, DONE, WAITING, UNEQUAL), self.mirrored.error
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
        deployed = self.events.deployed
        versions = [] if self.history.is_survey else list(self._named(deployed))
        return CatalogReader(self.mirrored, versions, self.history.file_questions(deployed))

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
            assert one.mirrored.sync("exact") == one.expected()
            assert (FORM.table in one.mirrored.mirror.table) == history.is_survey
        except BaseException as error:
            error.add_note(repr(history))
            raise
        finally:
            one.mirrored.client.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every boundary between pages, lanes and queries is met by a handful of submissions."""
    monkeypatch.setattr(sweep, "SWEEP_PAGE", 3)
    monkeypatch.setattr(lanes, "_LANE_LEAST", 2)
    monkeypatch.setattr(deletes, "_GUARD_LEAST", 2)
    for module in (drain, deletes, repair, settle):
        monkeypatch.setattr(module, "ASK_AT_ONCE", 2)


@pytest.fixture
def database(database_url: str, small_pages: None) -> Iterator[FormDatabase]:
    made = FormDatabase(database_url)
    yield made
    made.close()


def try_histories(database: FormDatabase, batches: Iterator[int], examples: int) -> Counts:
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
        @given(drawn_histories())
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


@pytest.mark.long
def test_many_forms_and_histories_end_in_right_tables(
    database: FormDatabase, record_property: Callable[[str, object], None]
) -> None:
    kind, seeds = database.looking.dialect.name, for_minutes(MINUTES, SEED)
    record_property(CLOSING_SENTENCE, f"{kind}: any form, histories from seed {SEED}")
    counts = try_histories(database, seeds, BATCH)
    record_property(CLOSING_SENTENCE, f"{kind}: {counts.sentence}: all tables right")
