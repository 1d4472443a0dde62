"""Look ahead: what the next sync does with a form's tables, what waits for a person, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from kobo_mirror.database.engine import reading
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.plan import Care, Plan
from kobo_mirror.store.form_notes import note_waiting
from kobo_mirror.store.form_schemas import stored_form
from kobo_mirror.store.mode_names import AUTO
from kobo_mirror.store.plans import StoredPlan
from kobo_mirror.store.whole_reads import WholeRead, whole_read
from kobo_mirror.sync.form_schema import FormTables
from kobo_mirror.sync.run_mode import Exactness, may_read_all, view_of_form


@dataclass(frozen=True)
class Ahead:
    """What is to become of a form's tables.

    :param form: the form's name.
    :param policy: what ``schema`` in ``kobo.yml`` says.
    :param next_sync: the plans that the next sync applies.
    :param waiting: the plan that waits.
    :param stored: the same as ``kobo_plans`` has it, with its code; None: the form was never synced.
    :param in_force: the schema by which rows are shaped; None: the form has no tables yet.
    :param target: the one that the next sync has in force.
    :param whole_read: what reading all submissions again takes.
    """

    form: str
    policy: str
    next_sync: tuple[Plan, ...]
    waiting: Plan | None
    stored: StoredPlan | None
    in_force: FormSchema | None
    target: FormSchema | None
    whole_read: WholeRead


def look_ahead(tables: FormTables, exactness: Exactness) -> Ahead:
    """Return what a sync would do now, and note a plan that waits, so that it has a code.

    :param tables: of the form.
    :param exactness: how often a run is exact by itself.
    :raises DefinitionError, CredentialsError, RequestError: the form has no versions that can be read.
    :raises SchemaError: the database mirrors another form, or lacks tables of ours.
    """
    view = view_of_form(tables.client)
    engine, asset = tables.engine, tables.client.asset_uid
    may = may_read_all(engine, asset, exactness, view, mode=AUTO, since=None)
    outlook = tables.plan(view.form, may_read_all=may)
    with reading(engine) as connection:
        bound = stored_form(connection, asset)
        whole = whole_read(connection, asset)
    waiting = outlook.waiting
    stored = note_waiting(engine, asset, waiting) if waiting and bound else None
    done = outlook.proposal.done
    plan = waiting.plan if waiting else None
    in_force = bound.schema if bound else None
    return Ahead(view.form.name, outlook.policy, done, plan, stored, in_force, outlook.proposal.target, whole)


def cost_of(plan: Plan, whole: WholeRead) -> str:
    """Return what a plan costs, as a sentence.

    :param plan: with steps.
    :param whole: what reading all submissions again takes.
    """
    locked = "tables are locked for less than a second"
    if plan.care is Care.SAFE:
        return f"No submission is read again but those that have an answer to it; {locked}."
    took = "" if whole.seconds is None else f", which takes about {_duration(whole.seconds)}"
    return f"All {whole.submissions:,} submissions are read again{took}; {locked}."


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{round(seconds / 60)} min"
