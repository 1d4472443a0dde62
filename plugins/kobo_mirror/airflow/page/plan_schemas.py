"""What the endpoints give about versions of a form and the plans that they bring. All times are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kobo_mirror.forms.plan import Care, What

State = Literal["waits", "due", "approved", "declined", "applied", "replaced"]


class Step(BaseModel):
    """One change that new versions of a form ask of its tables."""

    care: Care = Field(description="`safe`, `costly` (the form is read anew) or `careful` (columns empty).")
    what: What
    key: str = Field(description="The page's texts have its words under it.")
    table: str
    columns: list[str] = Field(description="That it adds or describes; of choices, the names of lists.")
    path: str = Field(description="Of the question or repeat, where it is about one.")
    beside: list[str] = Field(
        description="`table.column` of those that go on with what fits, or become empty."
    )
    sentence: str = Field(description="The step in English, without a full stop.")


class BringingVersion(BaseModel):
    """A version that brings a plan."""

    uid: str
    number: int | None = Field(description="None: the database does not have the version.")


class Plan(BaseModel):
    """What versions of a form ask of its tables, and what became of it."""

    code: str = Field(description="Names this very list of steps.")
    state: State = Field(description="`waits` for a person, or is `due`: the next exact sync applies it.")
    care: Care = Field(description="Of the step that needs the most.")
    policy: str = Field(description="What `schema` was when it was noticed.")
    versions: list[BringingVersion]
    steps: list[Step]
    noticed_at: datetime
    approved_at: datetime | None
    declined_at: datetime | None
    applied_at: datetime | None
    replaced_at: datetime | None = Field(description="Another list waits in its place, or none.")


class OpenPlan(Plan):
    """A plan that is not applied yet, and what that takes."""

    submissions: int = Field(description="That are mirrored. If a step is not safe, all are read again.")
    seconds: float | None = Field(description="That this takes, by the last run that did; None: not known.")


class Version(BaseModel):
    """A deployed version of a form."""

    number: int = Field(description="From 1 on, in the order in which they were deployed.")
    uid: str
    deployed_at: datetime | None = Field(description="By KoboToolbox's clock.")


class HistoryEntry(BaseModel):
    """A version that was deployed, or a plan: one of the two."""

    at: datetime | None = Field(description="When it was deployed, or the last thing happened to the plan.")
    version: Version | None = None
    plan: Plan | None = None


class FormHistory(BaseModel):
    """What happened to a form and its tables, the newest first."""

    entries: list[HistoryEntry]
    has_more: bool = Field(description="There are older entries.")


class PlanOrder(BaseModel):
    """The plan that is decided about."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(pattern="^[0-9a-f]{12}$")
