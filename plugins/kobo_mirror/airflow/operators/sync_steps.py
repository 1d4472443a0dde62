"""The steps of a sync, each as a task of its own: prepare, plan, pull, reconcile, publish, release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from kobo_mirror.airflow.chosen_forms import is_of_connection
from kobo_mirror.airflow.operators.base import CONNECTIONS, name_of_run
from kobo_mirror.airflow.operators.plans import codes_of, note_decision, policy_of
from kobo_mirror.airflow.operators.rendered import number_of, numbers_of, text_of
from kobo_mirror.airflow.operators.verify import prove
from kobo_mirror.airflow.operators.whole_sync import KoboStepOperator, mode_and_since, require_waiting_code
from kobo_mirror.airflow.task_start import noting_refusal, problems_of, target_engine
from kobo_mirror.config.forms_file import read_forms_file
from kobo_mirror.errors import ConfigurationError, error_of

if TYPE_CHECKING:
    from airflow.sdk import XComArg
    from sqlalchemy import Engine

    from kobo_mirror.sync.chosen import ChosenForm
    from kobo_mirror.sync.run_handle import RunHandle


class KoboPrepareOperator(KoboStepOperator):
    """Make missing tables, check the token and the form, take the lease, and open the run.

    The task's XCom is the run handle, which the steps after it need.

    :param mode: as for ``KoboOperator``; or ``check``: only compare, and skip the steps that follow.
        (templated)
    :param since_id: read every submission with a higher ``_id`` again; None: what is new. (templated)
    :param confirm_deletes: a code that is refused here if no list of deletes waits under it; ``reconcile``
        is what uses it. (templated)
    :param apply_plan: as for ``KoboOperator``. (templated)
    :param decline_plan: as for ``KoboOperator``. (templated)
    :param schema: as for ``KoboOperator``. (templated)
    :param further: skip the run if the form is that of the connection, which ``kobo_sync`` mirrors.
    """

    template_fields: Sequence[str] = (
        *CONNECTIONS,
        "mode",
        "since_id",
        "confirm_deletes",
        "apply_plan",
        "decline_plan",
        "schema",
    )

    def __init__(
        self,
        *,
        mode: str = "auto",
        since_id: int | str | None = None,
        confirm_deletes: str | None = None,
        apply_plan: str | None = None,
        decline_plan: str | None = None,
        schema: str | None = None,
        further: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mode = mode
        self.since_id = since_id
        self.confirm_deletes = confirm_deletes
        self.apply_plan = apply_plan
        self.decline_plan = decline_plan
        self.schema = schema
        self.further = further

    def _perform(self, context: Context) -> dict[str, Any]:
        if self.mode == "check":
            raise AirflowSkipException(prove(self, context))
        from kobo_mirror.sync.failure_notes import note_not_started

        mode, since = mode_and_since(self.mode, self.since_id)
        apply, decline = codes_of(self.apply_plan, self.decline_plan)
        schema, name = policy_of(self.schema), name_of_run(context)
        with noting_refusal(self.database_conn_id, name, note_not_started):
            reason = self._left_to_another()
        if reason:
            raise AirflowSkipException(reason)
        self._make_ready(name)
        with self.opened() as opened, self.leaving_out():
            require_waiting_code(opened, text_of(self.confirm_deletes))
            if decided := note_decision(opened, apply, decline):
                self.leave_note(context, decided)
            return self.sync_of(opened, schema=schema).prepare(name, mode=mode, since=since).to_json()

    def _left_to_another(self) -> str:
        """Return why another DAG mirrors the form; empty: none does."""
        form = text_of(self.form)
        if form is None:
            settings = self.hook().settings(need=())
            if not settings.kobo_asset_id and read_forms_file(settings).names_forms:
                return "The connection names no form: kobo_sync_all mirrors those that kobo.yml names."
        elif self.further:
            with target_engine(self.database_conn_id) as engine:
                chosen = self.chosen(engine)
            if is_of_connection(chosen, self.hook().settings(need=())):
                return f"kobo_sync mirrors this form, which the connection {self.kobo_conn_id} names."
        return ""


class KoboRunStepOperator(KoboStepOperator):
    """Base of the steps after ``prepare``, which share its run.

    :param run_handle: what ``prepare`` returned. (templated)
    """

    template_fields: Sequence[str] = (*CONNECTIONS, "run_handle")

    def __init__(self, *, run_handle: dict[str, Any] | XComArg | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_handle = run_handle

    def chosen(self, engine: Engine) -> ChosenForm:
        """Return the form that the task is about; note the run as failed if that cannot be told.

        :param engine: the database.
        :raises ConfigurationError: as that of :class:`BaseKoboOperator` does.
        """
        from kobo_mirror.sync.failure_notes import noting_not_started

        with noting_not_started(engine, "sync"):
            return super().chosen(engine)

    def _handle(self) -> RunHandle:
        """Return the run handle.

        :raises ConfigurationError: the XCom that it comes from holds none.
        """
        from kobo_mirror.sync.run_handle import RunHandle

        if not isinstance(self.run_handle, dict):
            raise ConfigurationError(
                f"{self.task_type} needs the run handle that KoboPrepareOperator returns."
            )
        return RunHandle.from_json(self.run_handle)


class KoboPlanOperator(KoboRunStepOperator):
    """Cut what is to be read into lanes; the task's XCom is the arguments to map ``KoboPullOperator`` over.

    :param groups: the number of tasks that a large pull may be spread over.
    """

    def __init__(self, *, groups: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def _perform(self, context: Context) -> list[dict[str, Any]]:
        with self.opened() as opened:
            groups = self.sync_of(opened).plan(self._handle(), groups=self.groups) or [[]]
        in_flight = max(1, opened.settings.kobo_max_in_flight // len(groups))
        return [{"lanes": lanes, "in_flight": in_flight} for lanes in groups]


class KoboPullOperator(KoboRunStepOperator):
    """Read lanes page by page, each page committed with its place: a retry goes on where this stopped.

    :param lanes: the numbers of the lanes to read. (templated)
    :param in_flight: requests at once; None: as many as ``KOBO_MAX_IN_FLIGHT`` allows. (templated)
    :param page_size: submissions a request; None: as the connection says. (templated)
    """

    template_fields: Sequence[str] = (*CONNECTIONS, "run_handle", "lanes", "in_flight", "page_size")

    def __init__(
        self,
        *,
        lanes: Sequence[int] | str = (),
        in_flight: int | str | None = None,
        page_size: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lanes = lanes
        self.in_flight = in_flight
        self.page_size = page_size

    def _perform(self, context: Context) -> None:
        lanes, in_flight = numbers_of("lanes", self.lanes), number_of("in_flight", self.in_flight)
        page_size = number_of("page_size", self.page_size)
        with self.opened(in_flight=in_flight) as opened:
            sync = self.sync_of(opened, page_size=page_size, in_flight=in_flight)
            sync.pull(self._handle(), lanes)


class KoboReconcileOperator(KoboRunStepOperator):
    """Compare with the server, ask again for what may have changed, delete what is proven to be gone there.

    :param confirm_deletes: the code of a list of deletes that waits for a person's word. (templated)
    """

    template_fields: Sequence[str] = (*CONNECTIONS, "run_handle", "confirm_deletes")

    def __init__(self, *, confirm_deletes: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.confirm_deletes = confirm_deletes

    def _perform(self, context: Context) -> None:
        with self.opened() as opened:
            self.sync_of(opened).reconcile(self._handle(), confirm=text_of(self.confirm_deletes))


class KoboPublishOperator(KoboRunStepOperator):
    """Close the run and publish its counts: as XCom, in the run's note, with the events of its outlets."""

    def _perform(self, context: Context) -> dict[str, Any]:
        with self.opened() as opened:
            counts = self.sync_of(opened).finish(self._handle())
            return self._publish_counts(context, opened, counts)


class KoboReleaseOperator(KoboRunStepOperator):
    """After a failure, note its reason with the run and give the lease back; otherwise do nothing.

    It is meant as the teardown of ``KoboPrepareOperator``.
    """

    def _perform(self, context: Context) -> None:
        if problems := list(problems_of(context)):
            error = error_of(problems[0][0], " ".join(sentence for _, sentence in problems))
            self.log.error("This run failed. %s", error)
            with self.opened() as opened:
                self.sync_of(opened).fail(self._handle(), error)
