"""The commands ``plan`` and ``apply``: what new versions of a form ask of its tables, and a person's word."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from kobo_mirror.cli.chosen import FormAtHand, command
from kobo_mirror.cli.next_steps import COMMAND
from kobo_mirror.cli.profile import profile_of
from kobo_mirror.config.names_lock import LockedForm, names_lock_path, names_lock_text, read_names_lock
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import KoboMirrorError, LeaseError
from kobo_mirror.forms.names_lock import differences, lock_of, locked_form
from kobo_mirror.forms.plan import Care, Plan, Step
from kobo_mirror.store.plans import approve, decline, open_plan, owner_of
from kobo_mirror.store.schema import migrate, require_tables
from kobo_mirror.sync.form_schema import FormTables
from kobo_mirror.sync.look_ahead import Ahead, cost_of, look_ahead
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.run_mode import Exactness


def show_plan(options: argparse.Namespace) -> int:
    """Print what the next sync does with the tables of each form, and what waits for a person.

    It writes the names of tables and columns into ``names.lock.yml``, too, and makes our own tables where
    there are none.

    :param options: ``form``, ``json``, ``schema``, ``profile``.
    :returns: the exit code.
    """
    with command(makes=True) as work:
        migrate(work.engine)
        return work.each(work.forms(options.form), partial(_show_one, options=options))


def _show_one(form: FormAtHand, options: argparse.Namespace) -> int:
    chosen, settings = form.chosen, form.chosen.settings
    locked = read_names_lock(settings)
    wanted = chosen.wanted.with_policy(options.schema)
    tables = FormTables(
        form.engine,
        form.client,
        chosen.server,
        wanted,
        lock=chosen.lock,
        among_others=chosen.among_others,
    )
    is_tried = wanted.schema != chosen.wanted.schema
    ahead = look_ahead(tables, Exactness.configured(settings), is_tried=is_tried)
    profile = profile_of(form.engine, ahead.in_force) if options.profile else None
    names = _keep_names(names_lock_path(settings), locked, ahead)
    if options.json:
        form.voice.tell(_facts(ahead) | {"names": names} | (profile.facts if profile else {}))
        return 0
    told = profile.lines if profile else ()
    form.voice.say("\n".join((*_lines(ahead), *_told_of_problems(ahead), *names, *told)))
    return 0


def apply_plan(options: argparse.Namespace) -> int:
    """Note a person's word on a plan, and start a sync that applies it.

    :param options: ``form``, ``code``, ``decline``, ``schema``.
    :returns: 0.
    :raises KoboMirrorError: no plan waits under the code, or the sync failed.
    """
    with command(run="apply") as work:
        require_tables(work.engine, derived=False)
        pick = work.pick_by(options.form, options.code, owner_of)
        return work.each(work.forms(pick), partial(_apply_one, options=options))


def _apply_one(form: FormAtHand, options: argparse.Namespace) -> int:
    engine, uid = form.engine, form.chosen.form_key
    if options.decline:
        decline(engine, uid, options.code)
        form.voice.say(
            "declined: the tables stay as they are until another version of the form asks for more"
        )
        return 0
    approve(engine, uid, options.code)
    try:
        syncing = MirrorSync.configured(form.chosen, form.client, engine, schema=options.schema)
        result = syncing.run(name="apply")
    except LeaseError as error:
        form.voice.say(f"approved, and not applied yet: {error} The next sync applies it.")
        return 0
    except KoboMirrorError:
        _tell_if_open(form, options.code)
        raise
    form.voice.say(result["sentence"])
    return 0


def _tell_if_open(form: FormAtHand, code: str) -> None:
    """Say that a plan stays approved whose sync failed: another sync applies it, and nothing undoes that."""
    with suppress(KoboMirrorError), reading(form.engine) as connection:
        known = open_plan(connection, form.chosen.form_key)
        if known is not None and known.code == code:
            form.voice.say(
                "approved, and not applied yet: the next sync applies it. To leave the tables as they are "
                f"instead: {COMMAND} apply --decline {code}"
            )


def _lines(ahead: Ahead) -> Iterator[str]:
    yield f"The tables of the form '{ahead.form}', with `schema: {ahead.policy}`:"
    for plan in ahead.next_sync:
        yield "The next sync applies this:"
        yield from _steps(plan, ahead)
    if ahead.waiting is not None:
        yield _waits(ahead)
        yield from _steps(ahead.waiting, ahead)
        if ahead.emptied:
            yield f"  {ahead.emptied:,} answers leave their columns, and are in the new table then."
        if ahead.waiting.care is not Care.SAFE:
            yield "  There is no way back: tables and columns that were made stay."
        yield from _commands(ahead)
    elif not ahead.next_sync and not ahead.problems:
        yield "They have all that the form's versions ask: nothing is to be done."


def _told_of_problems(ahead: Ahead) -> Iterator[str]:
    if ahead.problems:
        yield "In the database:"
        yield from (f"  {problem}" for problem in ahead.problems)


def _commands(ahead: Ahead) -> Iterator[str]:
    stored = ahead.stored
    if stored is None:
        yield "It has no code, since another policy was tried, or the form was never synced."
        return
    yield f"To apply it: {COMMAND} apply {stored.code}"
    if stored.declined_at is None:
        yield f"To leave the tables as they are: {COMMAND} apply --decline {stored.code}"


def _waits(ahead: Ahead) -> str:
    stored = ahead.stored
    if stored is None:
        return "This waits for a person:"
    if stored.declined_at is not None:
        return (
            f"This was declined on {stored.declined_at:%Y-%m-%d} (code {stored.code}); answers that have no "
            "column are in extra:"
        )
    if stored.waits_for_a_person:
        return f"This waits for a person (code {stored.code}):"
    return f"This waits for the next exact sync, or for you (code {stored.code}):"


def _steps(plan: Plan, ahead: Ahead) -> Iterator[str]:
    for step in plan.steps:
        before = " (declined before)" if step in ahead.declined and plan is ahead.waiting else ""
        yield f"  {step.care.value:8} {step.sentence}{before}"
    if plan.versions:
        told = ", ".join(f"{ahead.numbers[uid]}" if uid in ahead.numbers else uid for uid in plan.versions)
        yield (
            f"  Asked by the form's version {told}."
            if len(plan.versions) == 1
            else (f"  Asked by the form's versions {told}.")
        )
    yield f"  {cost_of(plan, ahead.whole_read)}"


def _facts(ahead: Ahead) -> dict[str, Any]:
    stored = ahead.stored
    return {
        "form": ahead.form,
        "policy": ahead.policy,
        "next_sync": [_fact(step) for plan in ahead.next_sync for step in plan.steps],
        "waiting": [_fact(step) for step in ahead.waiting.steps] if ahead.waiting else [],
        "code": stored.code if stored else None,
        "waits_for_a_person": stored.waits_for_a_person if stored else ahead.waiting is not None,
        "problems": list(ahead.problems),
        "declined": stored is not None and stored.declined_at is not None,
        **ahead.whole_read._asdict(),
    }


def _fact(step: Step) -> dict[str, Any]:
    names = {"table": step.table, "columns": list(step.columns), "path": step.path}
    further = {"beside": list(step.beside), "sentence": step.sentence}
    return {"care": step.care.value, "what": step.what.value, **names, **further}


def _keep_names(path: Path, locked: Sequence[LockedForm], ahead: Ahead) -> list[str]:
    """Write the names that the form has into the lock file; return what a person should know about it."""
    if ahead.in_force is None:
        return []
    form = lock_of(ahead.in_force)
    known = locked_form(locked, form.uid)
    if known is not None:
        differing = differences(ahead.in_force, known, only_moved=True)
        if differing:
            advice = f"{path} was not written: names differ. Take the form out there to have it written anew."
            return [*(f"  {one}" for one in differing), advice]
    others = [one for one in locked if one.uid != form.uid]
    text = names_lock_text(sorted((*others, form), key=lambda one: one.uid))
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            return [f"The names of tables and columns are in {path}: keep it under version control."]
    except OSError as problem:
        return [f"{path} cannot be written: {problem.strerror}."]
    return []
