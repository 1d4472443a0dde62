"""What the endpoints give about all forms at once. All times are UTC."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

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


class AccountForm(BaseModel):
    """A form of the account, as it was last listed."""

    server: str
    uid: str
    name: str
    status: str = Field(description="`deployed`, `archived` or `draft`.")
    submissions: int | None
    last_submission: str | None = Field(description="As KoboToolbox writes it (UTC).")
    owner: str | None
    is_mirrored: bool = Field(description="`kobo.yml`, `discover` or the connection chooses it.")
    form_table: str | None = Field(description="None: nothing of it is here.")
    entry: str | None = Field(description="The lines of `kobo.yml` that would choose it.")


class AccountForms(BaseModel):
    """The forms of the account, and the file that names those that are mirrored."""

    listed_at: datetime | None = Field(description="None: they were never listed.")
    file: str
    is_writable: bool = Field(description="A task may add to the file.")
    forms: list[AccountForm]


class ListOrder(BaseModel):
    """Nothing: all forms are listed."""

    model_config = ConfigDict(extra="forbid")


class AddOrder(BaseModel):
    """The form that is to be mirrored."""

    model_config = ConfigDict(extra="forbid")

    uid: str = Field(pattern="^[A-Za-z0-9]{8,40}$")


class FormList(BaseModel):
    """All forms of the database, those with problems first."""

    forms: list[ListedForm]
    first_day: date = Field(description="That the numbers of each form's `days` begin with.")
