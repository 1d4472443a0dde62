"""The choice of the forms that further tasks are mapped over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from kobo_mirror.airflow.chosen_forms import Described, described, is_of_connection, known_or_none
from kobo_mirror.airflow.dag_ids import dag_id_of
from kobo_mirror.airflow.operators.base import name_of_run
from kobo_mirror.airflow.operators.listing import DISCOVER
from kobo_mirror.airflow.operators.rendered import text_of, texts_of
from kobo_mirror.airflow.operators.whole_sync import KoboStepOperator
from kobo_mirror.airflow.task_start import make_tables, noting_refusal, target_engine
from kobo_mirror.config.forms_file import read_forms_file
from kobo_mirror.config.schedules import last_due
from kobo_mirror.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from kobo_mirror.sync.choosing import Chosen, Known
    from kobo_mirror.sync.chosen import ChosenForm

SYNC, VERIFY, REPLAY = "sync", "verify", "replay"
"""What forms are chosen for."""


class KoboChooseOperator(KoboStepOperator):
    """Choose forms that ``kobo.yml`` names or discovers; the task's XCom is what to map an operator over.

    Smallest and stalest first. The accounts are asked which forms they have only where ``discover`` says so.

    :param forms: tables or uids of the forms that are meant; None: all. (templated)
    :param code: what a person confirms, applies or declines: the form that has it is meant. (templated)
    :param about_one: what only makes sense for one form, such as an ``_id``; empty: nothing. (templated)
    :param purpose: ``sync`` for the forms that neither ``kobo_sync`` nor a DAG of their own mirrors, new ones
        among them; ``verify`` or ``replay`` for all that are mirrored.
    :param server: only forms of this server, one of ``others``; empty: all but those of ``others``.
    :param others: servers whose forms are chosen by tasks of their own.
    """

    template_fields: Sequence[str] = ("kobo_conn_id", "database_conn_id", "forms", "code", "about_one")

    def __init__(
        self,
        *,
        forms: Sequence[str] | str | None = None,
        code: str | None = None,
        about_one: Any = None,
        purpose: str = SYNC,
        server: str = "",
        others: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.forms = forms
        self.code = code
        self.about_one = about_one
        self.purpose = purpose
        self.server = server
        self.others = others

    def _perform(self, context: Context) -> list[dict[str, str | None]]:
        from kobo_mirror.database.engine import moment_of, read
        from kobo_mirror.sync.choosing import name_of, note_choice

        name, picks = name_of_run(context), texts_of("forms", self.forms)
        with self._noting(name):
            if not read_forms_file(self.hook().settings(need=())).names_forms:
                return self._only_one(picks)
            with target_engine(self.database_conn_id) as engine:
                at = read(engine, moment_of)
            about = described(self.kobo_conn_id)
        if self.purpose == SYNC:
            make_tables(self.database_conn_id, name)
        with self._noting(name), target_engine(self.database_conn_id) as engine:
            known = known_or_none(engine)
            everything = replace(self._everything(about, known), at=at)
            if self.purpose == SYNC:
                note_choice(engine, everything, among_others=True)
            chosen = self._meant(engine, about, everything.forms, known, picks)
            if not picks and not text_of(self.code) and _is_scheduled(context) and self.purpose == SYNC:
                chosen = [form for form in chosen if _is_due(form, known)]
        found: list[dict[str, str | None]] = [
            {"form": name_of(form, known)} for form in chosen if self._is_here(form.server, about)
        ]
        if everything.problem is not None and not picks and self._is_here(about.file.server, about):
            self.log.warning("%s", everything.problem)
            found.append({"form": DISCOVER})
        self.leave_note(context, f"Forms: {len(found)}.")
        return found

    def _noting(self, name: str) -> AbstractContextManager[None]:
        """Note a run that fails since ``kobo.yml`` or a connection asks for what cannot be."""
        from kobo_mirror.sync.failure_notes import note_failed_verification, note_not_started

        if self.purpose == REPLAY:
            return nullcontext()
        note = note_not_started if self.purpose == SYNC else note_failed_verification
        return noting_refusal(self.database_conn_id, name, note)

    def _only_one(self, picks: list[str]) -> list[dict[str, str | None]]:
        """Return the form of the connection, where ``kobo.yml`` names none."""
        if self.purpose == SYNC or self.server:
            self.log.info("kobo.yml names no forms: that of the connection is mirrored by kobo_sync.")
            return []
        return [{"form": pick} for pick in picks] or [{"form": None}]

    def _everything(self, about: Described, known: Known) -> Chosen:
        """Return all forms that there are."""
        from kobo_mirror.kobo.accounts import Accounts
        from kobo_mirror.sync.choosing import chosen_forms

        settings, file, tokens = about
        if self.purpose != SYNC or file.discover is None:
            return chosen_forms(settings, file, known, None, env=tokens)
        with Accounts(max_in_flight=1) as accounts:
            return chosen_forms(settings, file, known, accounts, env=tokens)

    def _meant(
        self, engine: Engine, about: Described, forms: list[ChosenForm], known: Known, picks: list[str]
    ) -> list[ChosenForm]:
        """Return those of the forms that the parameters mean."""
        from kobo_mirror.sync.choosing import require_picked

        meant = [require_picked(pick, forms, known, "forms") for pick in dict.fromkeys(picks)]
        if code := text_of(self.code):
            owner = _owner_of(engine, code)
            if owner is None or (meant and owner not in [form.form_key for form in meant]):
                raise ConfigurationError("No form that was chosen has the code that was given.")
            meant = [form for form in forms if form.form_key == owner]
        is_about_one = text_of(self.about_one) not in (None, "[]")
        if is_about_one and not meant:
            meant = [
                form for form in forms if self.purpose != SYNC and is_of_connection(form, about.settings)
            ]
        if is_about_one and len(meant) != 1:
            raise ConfigurationError("An _id is of one form: choose this one form, by its table or uid.")
        if self.purpose != SYNC:
            return meant or forms
        elsewhere = {form.form_key: dag for form in forms if (dag := _dag_of(form, about))}
        for form in meant:
            if form.form_key in elsewhere:
                raise ConfigurationError(
                    f"The form {form.uid} is mirrored by {elsewhere[form.form_key]}: start that DAG."
                )
        return meant or [form for form in forms if form.form_key not in elsewhere]

    def _is_here(self, server: str, about: Described) -> bool:
        """Return True if forms of a server are chosen by this task."""
        main = ("", about.file.server, about.settings.kobo_url)
        at = "" if server in main or server not in self.others else server
        return at == self.server


def _dag_of(form: ChosenForm, about: Described) -> str:
    """Return the DAG that mirrors a form beside the map; empty: none does."""
    if is_of_connection(form, about.settings):
        return "kobo_sync"
    return dag_id_of(form.entry, about.file) if form.entry.own_dag else ""


def _owner_of(engine: Engine, code: str) -> str | None:
    """Return the key of the form that has a code, of a list of deletes or of a plan."""
    from kobo_mirror.database.engine import reading
    from kobo_mirror.store import codes, plans

    if not code.isascii():
        return None
    with reading(engine) as connection:
        return codes.owner_of(connection, code) or plans.owner_of(connection, code)


def _is_scheduled(context: Context) -> bool:
    run_type = getattr(context.get("dag_run"), "run_type", "")
    return getattr(run_type, "value", run_type) == "scheduled"


def _is_due(form: ChosenForm, known: Known) -> bool:
    """Return True unless the form has a schedule of its own that has not come round since it was read."""
    schedule, standing = form.wanted.schedules.own, known.get((form.server, form.uid))
    if not schedule or standing is None or standing.asked_at is None:
        return True
    return standing.asked_at < last_due(schedule, datetime.now(UTC).replace(tzinfo=None))
