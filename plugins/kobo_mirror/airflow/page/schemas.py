"""What the page's endpoints take and give. All times are UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from kobo_mirror.forms.declared_form import Kind
from kobo_mirror.store.lights import Light
from kobo_mirror.store.mode_names import mode_of
from kobo_mirror.submissions.document import HIGHEST_ID

Id = Annotated[int, Field(ge=0, le=HIGHEST_ID)]


class Finding(BaseModel):
    """Why the light is not green."""

    key: str = Field(description="What was found; the page's texts have its words.")
    light: Light
    numbers: dict[str, int]
    names: dict[str, str] = Field(description="Names of tables and columns that the words have places for.")


class OnServer(BaseModel):
    """A count, and when it was true."""

    submissions: int
    at: datetime


class Proof(BaseModel):
    """The last comparison of the mirror with its server."""

    finished_at: datetime
    whole: bool = Field(description="Every answer was compared, not only tokens and digests.")
    compared: int
    missing: int
    extra: int
    stale: int
    different: int
    rejected: int
    unreadable: int = Field(description="Those that KoboToolbox cannot send: they were not compared.")
    equal: bool


class Failure(BaseModel):
    """What failed, and when."""

    at: datetime = Field(description="When that was noted; of a run that had begun, when it began.")
    kind: str | None = Field(description="The class of the error; the page's texts have words for each.")
    error: str


class Lag(BaseModel):
    """Seconds from a submission's arrival at KoboToolbox to its row here, of what came by itself."""

    way: Literal["pushed", "pulled"]
    looked_at: int = Field(description="So many submissions with the highest _id were looked at.")
    submissions: int = Field(description="Those that the seconds are of.")
    median: float | None
    slowest_twentieth: float | None = Field(description="95 of 100 took no longer.")
    late: int = Field(description="Those that took longer than `late_after_seconds`: not in the seconds.")
    late_after_seconds: int


class Day(BaseModel):
    """Submissions first seen on a day (UTC), by their origin."""

    day: date
    pushed: int
    pulled: int


class Webhook(BaseModel):
    """Where KoboToolbox posts new submissions to, and what of that has failed."""

    endpoint: str
    way: str
    registered_at: datetime
    failures_read_until: datetime | None = Field(description="By KoboToolbox's clock.")


class WaitingDeletes(BaseModel):
    """Deletes that the delete guard stopped: nothing is deleted before a person confirms this list."""

    code: str
    issued_at: datetime
    ids: list[int] = Field(description="The whole list.")


class Run(BaseModel):
    """A sync, and what it did."""

    id: int
    name: str
    mode: str
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    rows_read: int
    inserted: int
    updated: int
    deleted: int
    revived: int
    rejected: int
    requests: int
    bytes: int
    error: str | None
    failure: str | None = Field(description="The class of the error.")
    dag_run: str | None = Field(description="Its place in Airflow's UI, from the root of that.")


class RejectedColumn(BaseModel):
    """A column and how many answers it cannot hold."""

    table: str
    column: str
    path: str = Field(description="Of its question.")
    label: str | None = Field(description="Of its question, in the form's first language.")
    cells: int
    submissions: int


class Overview(BaseModel):
    """A form and its mirror."""

    asset_uid: str
    server: str
    form_table: str
    light: Light = Field(description="Green only if nothing is known against the tables.")
    findings: list[Finding]
    since: datetime | None = Field(description="When the last sync ended well.")
    last_exact_at: datetime | None
    error: str | None = Field(description="Why the newest sync failed.")
    failure: Failure | None = Field(description="The same, with its class and its time.")
    running: str | None = Field(description="The sync that holds the form now.")
    on_server: OnServer | None = Field(description="What KoboToolbox had when a sync or a proof last asked.")
    in_mirror: int
    rejected: int
    deleted: int
    tables: int = Field(description="The form's tables; the parts of a table count as one.")
    rejected_cells: int = Field(description="Answers that their columns cannot hold.")
    rejected_columns: list[RejectedColumn]
    to_fetch: int
    failed_deliveries: int = Field(description="Failed deliveries that are still to be asked for.")
    dead_letters: int
    proof: Proof | None
    full_proof: Proof | None = Field(description="The last that compared every answer.")
    failed_verification: Failure | None = Field(description="One that failed after the last proof.")
    lag: list[Lag]
    webhooks: list[Webhook]
    waiting_deletes: WaitingDeletes | None


class Rejection(BaseModel):
    """A submission that does not fit its form table."""

    kobo_id: int
    columns: list[str]
    kinds: list[Kind] = Field(description="The kinds of answer that these columns take.")
    reason: str = Field(description="Why, in English.")
    submission_time: datetime | None
    first_seen_at: datetime
    payload: str | None = Field(description="The raw submission, for those who may see answers.")


class FormTable(BaseModel):
    """A table of a form, together with its parts."""

    name: str
    kind: str = Field(description="`declared`, `main`, `rest`, `repeat` or `files`.")
    path: str = Field(description="Of the repeat whose rows it has.")
    label: str | None = Field(description="Of that repeat, in the form's first language.")
    status: str = Field(description="`active`, `removed` or `moved`.")
    rows: int | None = Field(description="None: the database lacks the table.")


class FormTables(BaseModel):
    """The tables of a form, in reading order."""

    counted_at: datetime
    tables: list[FormTable]


class RejectedCell(BaseModel):
    """An answer that its column cannot hold: the cell is NULL."""

    place: str = Field(description="Where the next page goes on.")
    kobo_id: int
    table: str
    pos: str = Field(description="The positions of its row, joined by `-`; empty for the root.")
    column: str
    path: str = Field(description="Of its question.")
    label: str | None = Field(description="Of its question, in the form's first language.")
    kind: str | None = Field(description="The kind of answer that the column takes.")
    reason: str = Field(description='Why, in English: the end of a sentence that starts with "the answer".')
    value: str | None = Field(description="The start of the answer, for those who may see answers.")


class DeadLetter(BaseModel):
    """A body that was posted to the webhook and is no submission of this form."""

    id: int
    received_at: datetime
    source: str
    reason: str = Field(description="Why, in English.")
    attempts: int
    bytes: int
    body: str | None = Field(description="The start of it, for those who may see answers.")


FormKey = Annotated[str, Field(pattern="^[A-Za-z0-9]{1,40}(~[0-9]{1,4})?$")]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    asset_uid: FormKey | None = Field(
        None, description="The form key; null: the form of the connection kobo_default."
    )


def _present_name(mode: object) -> object:
    """Take a mode by its former name, too, which scripts may send."""
    return mode_of(mode) if isinstance(mode, str) else mode


class SyncOrder(_Order):
    """What to sync."""

    mode: Annotated[Literal["auto", "incremental", "exact"], BeforeValidator(_present_name)] = "auto"
    since_id: int | None = Field(
        None, ge=0, le=HIGHEST_ID, description="Read every submission above this _id again."
    )


class VerifyOrder(_Order):
    """What to compare."""

    full: bool = Field(False, description="Compare every answer.")
    repair: bool = Field(False, description="Mend what differs and compare again.")


class ConfirmOrder(BaseModel):
    """The list of deletes that is confirmed."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(pattern="^[0-9a-f]{12}$")


class ReplayOrder(_Order):
    """What to try again."""

    rejections: list[Id] = Field(default=[], max_length=500)
    dead_letters: list[Id] = Field(default=[], max_length=500)

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        """Refuse an order without any id, which to the DAG means all that wait."""
        if not self.rejections and not self.dead_letters:
            raise ValueError("name at least one rejection or dead letter")
        return self


class Triggered(BaseModel):
    """A run of a DAG that was requested."""

    dag_id: str
    run_id: str
    paused: bool = Field(description="The DAG is paused: the run waits until it is unpaused.")
    href: str = Field(description="Its place in Airflow's UI, from the root of that.")


class Problem(BaseModel):
    """Why something was refused, in a sentence."""

    detail: str
