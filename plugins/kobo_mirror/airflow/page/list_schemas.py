"""What the endpoints give about all forms at once. All times are UTC."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

from kobo_mirror.airflow.page.schemas import Failure, Finding, OnServer, Proof
from kobo_mirror.store.lights import Light


class ListedForm(BaseModel):
    """A form and how its mirror stands. The light is that of its page."""

    asset_uid: str
    server: str
    form_table: str | None = Field(description="None: nothing of the form is here yet.")
    name: str = Field(description="As KoboToolbox shows it; empty: not known yet.")
    light: Light
    findings: list[Finding] = Field(description="Why the light is not green.")
    problem: Failure | None = Field(
        default=None, description="Why its state cannot be read, or no sync could begin."
    )
    running: str | None = Field(default=None, description="The sync that holds the form now.")
    on_server: OnServer | None = None
    in_mirror: int = 0
    rejected: int = 0
    newest: datetime | None = Field(default=None, description="When the newest submission was submitted.")
    proof: Proof | None = None
    days: list[int] = Field(
        default=[], description="Submissions by the day of submission (UTC), the last of them today."
    )


class FormList(BaseModel):
    """All forms of the database, those with problems first."""

    forms: list[ListedForm]
    first_day: date = Field(description="That the numbers of each form's `days` begin with.")
