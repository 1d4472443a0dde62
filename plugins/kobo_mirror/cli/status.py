"""What ``python -m kobo_mirror status`` tells: the state of the mirror as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from kobo_mirror.cli.next_steps import SYNC, after_a_failed_first_sync, next_steps
from kobo_mirror.config.setting_names import OF_ENVIRONMENT, SettingNames
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import ConfigurationError, KoboMirrorError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.mirror import uid_of
from kobo_mirror.store.failed_runs import UNBOUND
from kobo_mirror.store.form_contents import tables_of
from kobo_mirror.store.lights import SENTENCES, Light, judge, light_of
from kobo_mirror.store.listings import bound_forms, first_bound, rejected_submissions
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.plans import StoredPlan
from kobo_mirror.store.proofs import Proof
from kobo_mirror.store.registrations import Registration
from kobo_mirror.store.schema import require_tables
from kobo_mirror.store.shown_runs import Run, failed_start

_NAMED = 10
_SET = "set KOBO_URL, KOBO_TOKEN and KOBO_ASSET_ID, then "
_LATE = timedelta(days=1)  # KOBO_SYNC_SCHEDULE is not known here


SecretOf = Callable[[str, Iterable[Registration]], str | None]
"""Tells the fingerprint of the secret that a form's deliveries are to show, by its key and registrations."""

NamesOf = Callable[[str, str], SettingNames]
"""Tells the names of the settings that give a form and its account, by its server and uid."""


def _of_environment(_server: str, _uid: str) -> SettingNames:
    return OF_ENVIRONMENT


def status(
    engine: Engine,
    secret: SecretOf | None = None,
    asset_uid: str | None = None,
    *,
    names: NamesOf = _of_environment,
    names_forms: bool = False,
) -> dict[str, Any]:
    """Return what the database knows of a form's mirror, without asking the server.

    :param engine: the mirror's database.
    :param secret: tells which secret the form's deliveries are to show; None: it is not known here.
    :param asset_uid: the key of the form; None: the first one.
    :param names: tells which settings give the form and its account.
    :param names_forms: ``kobo.yml`` says which forms are mirrored.
    :returns: counts, the tables with their rows (None: the database lacks the table), the last runs, the
        first ten rejections (``_id`` and reason) and what to do next, ready for JSON. ``last_run`` and
        ``last_exact_run`` are former names of ``last_good_sync`` and ``last_good_exact_sync``.
    :raises SchemaError: our tables are not all there, or are old.
    """
    require_tables(engine, asset_uid=asset_uid)
    with reading(engine) as connection:
        known = {form.asset_uid: form for form in bound_forms(connection)}
        bound = known.get(asset_uid) if asset_uid else first_bound(connection)
        if bound is None:
            return _unbound(connection, names_forms=names_forms)
        asset = bound.asset_uid
        state = read_state(connection, FORM, asset)
        rejected = rejected_submissions(connection, asset, after=-1, limit=_NAMED, answers=False)
        tables = tables_of(connection, asset)
    shown = secret(asset, state.registrations) if secret else None
    findings = judge(state, due=state.schedules.due(state.moment - _LATE), secret=shown)
    last_good, last_good_exact = _finish(state.last_good), _finish(state.last_good_exact)
    return {
        "form_table": bound.form_table,
        "mirrors": f"form {asset} of {bound.server}",
        "light": light_of(findings).value,
        "findings": [finding.sentence for finding in findings],
        "submissions": state.applied,
        "rejected": state.rejected,
        "deleted": state.deleted,
        "rejections": [(row["kobo_id"], row["reason"]) for row in rejected],
        "tables": [(table.name, table.rows) for table in tables],
        "rejected_cells": state.rejected_cells,
        "to_fetch": state.to_fetch,
        "dead_letters": state.dead_letters,
        "last_good_sync": last_good,
        "last_good_exact_sync": last_good_exact,
        "last_run": last_good,
        "last_exact_run": last_good_exact,
        "unfinished_run": state.unfinished.name if state.unfinished else None,
        "last_proof": _proof(state.proof),
        "last_full_proof": _proof(state.full_proof),
        "error": state.newest_sync.error if state.newest_sync else None,
        "verify_error": _failure(state.verification_failure),
        "waiting_deletes": state.waiting_deletes.code if state.waiting_deletes else None,
        "waiting_plan": _code(state.open_plan, declined=False),
        "declined_plan": _code(state.open_plan, declined=True),
        "next": next_steps(state, findings, names(bound.server, uid_of(asset))),
    }


def statuses(
    engine: Engine,
    secret: SecretOf | None = None,
    pick: str | None = None,
    named: Mapping[str, str] | None = None,
    *,
    names: NamesOf = _of_environment,
    names_forms: bool = False,
) -> Iterator[dict[str, Any] | KoboMirrorError]:
    """Yield what :func:`status` returns for each form, or why nothing is known of it.

    :param engine: the mirror's database.
    :param secret: as for :func:`status`.
    :param pick: the table or the uid of the only form that is meant; None: all.
    :param named: uid → table of the forms that are to be mirrored, empty for none; None: only the database
        tells.
    :param names: as for :func:`status`.
    :param names_forms: as for :func:`status`.
    :raises ConfigurationError: there is no such form.
    :raises SchemaError: our tables are not all there, or are old.
    """
    require_tables(engine, derived=False)
    with reading(engine) as connection:
        tables = {form.asset_uid: form.form_table for form in bound_forms(connection)}
    unread = {uid: table for uid, table in (named or {}).items() if uid not in tables}
    if pick is None and len(tables) < 2 and not (unread and named and len(named) > 1):
        yield status(engine, secret, names=names, names_forms=names_forms)
        return
    forms = [uid for uid, table in (tables | unread).items() if pick in (None, uid, table)]
    if not forms:
        known = ", ".join([*tables.values(), *(table or uid for uid, table in unread.items())]) or "none"
        raise ConfigurationError(f"No form has the table or the uid given with --form. There are: {known}.")
    for uid in forms:
        try:
            yield (
                _unread(engine, uid, unread[uid])
                if uid in unread
                else status(engine, secret, uid, names=names)
            )
        except KoboMirrorError as error:
            yield type(error)(f"{tables[uid]}: {error}")


def _unread(engine: Engine, asset_uid: str, table: str) -> dict[str, Any]:
    """Return what is known of a form that is to be mirrored and was never read."""
    with reading(engine) as connection:
        facts = _unbound(connection, asset_uid)
    return facts | {"form_table": table or None, "mirrors": f"form {asset_uid}"}


def _unbound(
    connection: Connection, asset_uid: str = UNBOUND, *, names_forms: bool = False
) -> dict[str, Any]:
    """Return what is known while a form is not mirrored: whether a sync was tried, and why it failed."""
    failed = failed_start(connection, asset_uid)
    nothing_read = (
        "The tables are there, but no form has been read into them yet."
        if asset_uid == UNBOUND
        else "The form has not been read yet."
    )
    return {
        "form_table": None,
        "mirrors": None,
        "light": (Light.RED if failed else Light.AMBER).value,
        "findings": [SENTENCES["sync_failed"], nothing_read] if failed else [nothing_read],
        "error": failed.error if failed else None,
        "next": after_a_failed_first_sync()
        if failed
        else f"{'' if names_forms or asset_uid != UNBOUND else _SET}run {SYNC}",
    }


def _code(plan: StoredPlan | None, *, declined: bool) -> str | None:
    return plan.code if plan and (plan.declined_at is not None) is declined else None


def _failure(run: Run | None) -> str | None:
    return f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC: {run.error}" if run else None


def _proof(proof: Proof | None) -> str | None:
    return f"{proof.finished_at:%Y-%m-%d %H:%M:%S} UTC: {proof.sentence}" if proof else None


def _finish(run: Run | None) -> str | None:
    return f"{run.finished_at:%Y-%m-%d %H:%M:%S} UTC" if run else None
