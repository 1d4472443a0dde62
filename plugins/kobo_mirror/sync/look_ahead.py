"""Look ahead: what the next sync does with a form's tables, what waits for a person, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, column, func, select, table

from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import NameTakenError
from kobo_mirror.forms.form_schema import VALUE, FormSchema
from kobo_mirror.forms.plan import Care, Plan, Step, What
from kobo_mirror.store.altered_tables import What as Altered
from kobo_mirror.store.altered_tables import altered
from kobo_mirror.store.catalog import claimed_names
from kobo_mirror.store.form_history import version_numbers
from kobo_mirror.store.form_notes import note_waiting
from kobo_mirror.store.form_schemas import StoredForm, stored_form
from kobo_mirror.store.mode_names import AUTO
from kobo_mirror.store.plans import StoredPlan, open_plan, plans_of
from kobo_mirror.store.table_names import check_free
from kobo_mirror.store.whole_reads import WholeRead, whole_read
from kobo_mirror.sync.form_schema import FormTables
from kobo_mirror.sync.run_mode import Exactness, may_read_all, view_of_form

_DECLINED = 50  # plans that are looked through for what was declined


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """What is to become of a form's tables.

    :param form: the form's name.
    :param policy: what ``schema`` in ``kobo.yml`` says, or was asked for.
    :param next_sync: the plans that the next sync applies.
    :param waiting: the plan that waits.
    :param stored: the same as ``kobo_plans`` has it, with its code; None: it was not noted.
    :param declined: steps that a person has declined before.
    :param numbers: the number of each kept version of the form, by its uid.
    :param in_force: the schema by which rows are shaped; None: the form has no tables yet.
    :param problems: sentences about what keeps the tables from being changed, or was changed by hand.
    :param emptied: how many answers the columns hold that the plan empties.
    :param whole_read: what reading all submissions again takes.
    """

    form: str
    policy: str
    next_sync: tuple[Plan, ...]
    waiting: Plan | None
    stored: StoredPlan | None
    declined: frozenset[Step]
    numbers: Mapping[str, int]
    in_force: FormSchema | None
    problems: tuple[str, ...]
    emptied: int
    whole_read: WholeRead


def look_ahead(tables: FormTables, exactness: Exactness, *, is_tried: bool = False) -> Ahead:
    """Return what a sync would do now, and note a plan that waits, so that it has a code.

    :param tables: of the form.
    :param exactness: how often a run is exact by itself.
    :param is_tried: another policy than that of the form is tried: nothing is noted.
    :raises DefinitionError, CredentialsError, RequestError: the form has no versions that can be read.
    :raises SchemaError: the database mirrors another form, or lacks tables of ours.
    """
    view = view_of_form(tables.client)
    engine, asset = tables.engine, tables.client.form_key
    may = may_read_all(engine, asset, exactness, view, mode=AUTO, since=None)
    with reading(engine) as connection:
        before = stored_form(connection, asset)
    outlook = tables.plan(view.form, may_read_all=may)
    plan = outlook.proposal.waiting
    with reading(engine) as connection:
        bound = stored_form(connection, asset)
        known = open_plan(connection, asset)
        whole = whole_read(connection, asset)
        numbers = version_numbers(connection, asset)
        declined = {
            step
            for one in plans_of(connection, asset, _DECLINED)
            if one.declined_at
            for step in one.plan.steps
        }
        in_force = bound.schema if bound else None
        problems = tuple(_problems(connection, bound, outlook.proposal.target))
        emptied = _answers(connection, in_force, plan) if plan and in_force else 0
    if outlook.waiting and before and not is_tried:
        known = note_waiting(engine, before, asset, outlook.waiting)
    return Ahead(
        form=view.form.name,
        policy=outlook.policy,
        next_sync=outlook.proposal.done,
        waiting=plan,
        stored=known if plan and known and known.plan.digest == plan.digest else None,
        declined=frozenset(declined),
        numbers=numbers,
        in_force=in_force,
        problems=problems,
        emptied=emptied,
        whole_read=whole,
    )


def _problems(connection: Connection, bound: StoredForm | None, target: FormSchema | None) -> Iterator[str]:
    """Yield what the next sync will meet in the database."""
    if target is not None:
        try:
            there = dialect_of(connection).stored_tables(connection)
            check_free(target, bound, claimed_names(connection), there)
        except NameTakenError as taken:
            yield str(taken)
    in_force = bound.schema if bound else None
    if in_force is not None:
        yield from (one.sentence for one in altered(connection, in_force) if one.what is not Altered.COMMENT)


def _answers(connection: Connection, schema: FormSchema, plan: Plan) -> int:
    """Count the answers in the columns that a plan empties."""
    emptied = {name for step in plan.steps if step.what is What.MOVE for name in step.beside}
    counts = [
        select(func.count(column(one.name))).select_from(table(of.part_name(one.part))).scalar_subquery()
        for of in schema.tables
        for one in of.columns
        if f"{of.name}.{one.name}" in emptied and one.facet == VALUE
    ]
    return sum(connection.execute(select(*counts)).one()) if counts else 0


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
