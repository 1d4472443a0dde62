"""Histories of any form, as plain data: its versions, its submissions, and what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from kobo_mirror.config.policies import ADDITIVE, AUTO, REVIEW
from simulator import survey
from simulator.form_file import FormSetup, survey_setup
from simulator.options import Options
from tests.support.forms.content import content_of
from tests.support.forms.form_events import Drawn, Event
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.oddities import odd_submissions
from tests.support.forms.submissions import submissions
from tests.support.forms.types import FILES

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
APPROVAL = st.builds(Event, st.sampled_from(("approve", "apply")), PICKS, VARIANTS)
BEGINNING = st.lists(
    st.builds(Event, st.sampled_from(("create", "answer")), PICKS, VARIANTS), min_size=2, max_size=5
)
EVENTS = st.lists(HAPPENING | HAPPENING | DELIVERY | SYNC | CUT_SYNC | APPROVAL, min_size=8, max_size=24)
MODES = ("auto", "exact", "incremental")


@dataclass(frozen=True, repr=False)
class History:
    """A form with its versions, and what happens.

    :param is_survey: the form is the survey, and each version asks further questions beside it.
    :param policy: which changes of its tables wait for a person.
    """

    versions: Sequence[Deployed]
    is_survey: bool
    drawn: Drawn
    events: Sequence[Event]
    page_size: int
    policy: str

    def __repr__(self) -> str:
        told = ", ".join(f"{event.name} {event.pick} {event.variant}" for event in self.events)
        asked = [version.content["survey"] for version in self.versions]
        about = f"{'survey beside ' if self.is_survey else ''}{asked}, {self.policy}"
        return f"{about}, pages of {self.page_size}: {told}"

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
def drawn_histories(draw: st.DrawFn, versions: int = 4) -> History:
    """A form, its versions, its submissions and what happens.

    :param versions: how many at most.
    """
    deployed = draw(histories(versions=versions, most=8, wide=None))
    is_survey = draw(st.integers(0, 3)) == 3
    answered = [
        (number, draw(submissions(version)))
        for number, version in enumerate(deployed, 1)
        for _ in range(draw(st.integers(0, 2)))
    ]
    odd = draw(st.lists(odd_submissions(deployed), max_size=2))
    contents = [beside_the_survey(version) if is_survey else version.content for version in deployed]
    page_size = draw(st.sampled_from((1, 2, 3, 1000)))
    events = draw(BEGINNING) + draw(EVENTS)
    policy = draw(st.sampled_from((ADDITIVE, ADDITIVE, REVIEW, AUTO)))
    return History(deployed, is_survey, Drawn(contents, answered, odd), events, page_size, policy)


@st.composite
def drawn_chains(draw: st.DrawFn) -> History:
    """A form that is deployed again and again, with submissions of any version between."""
    history = draw(drawn_histories(versions=9))
    events = [*draw(BEGINNING), Event("auto")]
    for _ in history.versions[1:]:
        events += [Event("deploy"), *draw(st.lists(HAPPENING | DELIVERY, min_size=2, max_size=6))]
        events += draw(st.lists(SYNC | CUT_SYNC | APPROVAL | DELIVERY, min_size=1, max_size=3))
    return replace(history, events=events)
