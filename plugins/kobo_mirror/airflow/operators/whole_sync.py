"""A whole sync in one task, and what the operators of its steps inherit from it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from airflow.sdk import AssetAlias, Context

from kobo_mirror.airflow.assets import asset_of
from kobo_mirror.airflow.chosen_forms import naming_account
from kobo_mirror.airflow.notes import counts_note, has_news
from kobo_mirror.airflow.operators.base import CONNECTIONS, BaseKoboOperator, Opened, name_of_run
from kobo_mirror.airflow.operators.listing import DISCOVER, list_again
from kobo_mirror.airflow.operators.plans import codes_of, note_decision, policy_of
from kobo_mirror.airflow.operators.rendered import number_of, text_of
from kobo_mirror.airflow.task_start import make_tables, require_form, target_engine
from kobo_mirror.errors import ConfigurationError, NotPermittedError

_AGAIN = "again"


class KoboOperator(BaseKoboOperator):
    """Mirror a KoboToolbox form into a database: a whole sync in one task.

    Large forms are better read by the steps as tasks of their own, as ``dags/kobo_sync.py`` does: these are
    tried again one by one, and ``pull`` is spread over several tasks. The operators of these steps, and of
    ``verify``, ``replay`` and ``forms``, are subclasses of this one.

    :param mode: ``incremental`` (what is new), ``exact`` (also edits and deletes), ``auto`` (the form's size
        and the last exact run decide), or ``again`` (reads the whole form anew); ``usual`` is the former name
        of ``incremental``. (templated)
    :param page_size: submissions a request; None: as the connection says. (templated)
    :param since_id: read every submission with a higher ``_id`` again; None: what is new. (templated)
    :param confirm_deletes: the code of a list of deletes that waits for a person's word. (templated)
    :param apply_plan: the code of a plan of the form's tables that waits: it is applied. (templated)
    :param decline_plan: the code of such a plan: the tables stay as they are. (templated)
    :param schema: which changes of the form wait for a person: ``additive``, ``review`` or ``auto``; None, or
        ``kobo.yml``: as this file says. (templated)
    :param in_flight: requests at once; None: as many as ``KOBO_MAX_IN_FLIGHT`` allows. (templated)
    :raises ConfigurationError: it is asked for a step, as in 0.1. Airflow shows it as an import error.
    """

    template_fields: Sequence[str] = (
        *CONNECTIONS,
        "mode",
        "page_size",
        "since_id",
        "confirm_deletes",
        "apply_plan",
        "decline_plan",
        "schema",
        "in_flight",
    )

    def __init__(
        self,
        *,
        mode: str = "auto",
        page_size: int | str | None = None,
        since_id: int | str | None = None,
        confirm_deletes: str | None = None,
        apply_plan: str | None = None,
        decline_plan: str | None = None,
        schema: str | None = None,
        in_flight: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        _refuse_step(kwargs.pop("step", "sync"))
        super().__init__(**kwargs)
        self.mode = mode
        self.page_size = page_size
        self.since_id = since_id
        self.confirm_deletes = confirm_deletes
        self.apply_plan = apply_plan
        self.decline_plan = decline_plan
        self.schema = schema
        self.in_flight = in_flight

    def _perform(self, context: Context) -> Any:
        """Take all steps; returns the counts of the run."""
        if text_of(self.form) == DISCOVER:
            with target_engine(self.database_conn_id) as engine:
                return list_again(self.kobo_conn_id, engine)
        confirm, in_flight = text_of(self.confirm_deletes), number_of("in_flight", self.in_flight)
        page_size = number_of("page_size", self.page_size)
        mode, since = mode_and_since(self.mode, self.since_id)
        apply, decline = codes_of(self.apply_plan, self.decline_plan)
        schema, name = policy_of(self.schema), name_of_run(context)
        self._make_ready(name)
        with self.opened(in_flight=in_flight) as opened, self.leaving_out():
            require_waiting_code(opened, confirm)
            decided = note_decision(opened, apply, decline)
            sync = self.sync_of(opened, page_size=page_size, in_flight=in_flight, schema=schema)
            counts = sync.run(mode=mode, since=since, confirm=confirm, name=name)
            published = self._publish_counts(context, opened, counts, decided)
            self._register(opened)
            return published

    def _register(self, opened: Opened) -> None:
        """Have the form's new submissions posted to the webhook, where several forms are mirrored."""
        from kobo_mirror.sync.register import register_form

        if not (text_of(self.form) and opened.settings.real_time_post_endpoint_url):
            return
        try:
            self.log.info("%s", register_form(*opened).sentence)
        except NotPermittedError as problem:
            self.log.warning("%s", naming_account(str(problem), opened.chosen, self.kobo_conn_id))

    def _make_ready(self, name: str) -> None:
        """Check the connection and make the tables that are missing.

        :param name: the run's name, under which a failure is noted.
        """
        from kobo_mirror.sync.failure_notes import note_not_started

        require_form(self, name, note_not_started)
        make_tables(self.database_conn_id, name)

    def _publish_counts(
        self, context: Context, opened: Opened, counts: dict[str, Any], decided: str = ""
    ) -> dict[str, Any]:
        """Publish the counts of a run: in the log, in the run's note, and with the events of the outlets.

        Of several forms, one of which nothing is new is not noted.
        """
        table = self.table_of(opened)
        self.log.info("%s", self.about(counts["sentence"]))
        if decided or not self.form_name or has_news(counts):
            self.leave_note(context, f"{decided} {counts_note(counts)}".lstrip())
        for outlet in self.outlets:
            if isinstance(outlet, AssetAlias):
                context["outlet_events"][outlet].add(asset_of(table), extra=dict(counts))
            else:
                context["outlet_events"][outlet].extra = dict(counts)
        return counts


class KoboStepOperator(KoboOperator):
    """Base of the operators that do one step: none of a whole sync's parameters is theirs."""

    template_fields: Sequence[str] = CONNECTIONS

    def __init__(self, **kwargs: Any) -> None:
        BaseKoboOperator.__init__(self, **kwargs)  # KoboOperator's own would take its parameters

    @abstractmethod
    def _perform(self, context: Context) -> Any:
        """Do the step."""


def mode_and_since(mode: str, since_id: int | str | None) -> tuple[str, int | None]:
    """Return the mode, and the ``_id`` above which all is read again, as ``MirrorSync`` takes them.

    :param mode: as ``KoboOperator`` takes it; ``again`` is an exact run that reads everything.
    :param since_id: as ``KoboOperator`` takes it.
    :raises ConfigurationError: one of them is another value.
    """
    from kobo_mirror.store.mode_names import AUTO, EXACT, INCREMENTAL, mode_of

    since = number_of("since_id", since_id, lowest=0)
    if mode == _AGAIN:
        return EXACT, 0
    modes = (AUTO, INCREMENTAL, EXACT)
    if mode_of(mode) not in modes:
        raise ConfigurationError(f"mode must be one of: {', '.join((*modes, _AGAIN))}.")
    return mode_of(mode), since


def require_waiting_code(opened: Opened, code: str | None) -> None:
    """Refuse a code that confirms no list of deletes.

    One that has confirmed its list already is let through: this may be another try of the task that used it.

    :param opened: the connections of the task.
    :param code: what a person gave; None: nothing.
    :raises ConfigurationError: no list waits under the code.
    """
    from kobo_mirror.store.codes import require_waiting

    if code:
        require_waiting(opened.engine, opened.chosen.form_key, code, served_will_do=True)


_STEPS = (
    "prepare",
    "register",
    "plan",
    "pull",
    "reconcile",
    "publish",
    "release",
    "verify",
    "replay",
    "forms",
)


def _refuse_step(step: str) -> None:
    """Name the class for a step that 0.1 was asked for by ``step=``."""
    if step == "sync":
        return
    classes = {name: f"Kobo{name.capitalize()}Operator" for name in _STEPS}
    if step not in classes:
        raise ConfigurationError(f"KoboOperator has no step {step!r}: each step is a class of its own.")
    raise ConfigurationError(
        f'KoboOperator(step="{step}") is {classes[step]} now, with the same parameters: '
        f"from kobo_mirror.airflow.operators import {classes[step]}."
    )
