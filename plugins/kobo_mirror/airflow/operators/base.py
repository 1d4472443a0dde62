"""What all operators share: their connections, and the error that a failed task leaves behind."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk import BaseOperator, Context

from kobo_mirror.airflow.connection_fields import naming_connection
from kobo_mirror.airflow.keys import ERROR, FAILURE, NOTE
from kobo_mirror.airflow.links import FormLink, RunLink, run_name
from kobo_mirror.airflow.notes import LONGEST
from kobo_mirror.airflow.policy import RETRY_BY_ERROR
from kobo_mirror.airflow.progress import Progress
from kobo_mirror.airflow.task_start import target_engine
from kobo_mirror.errors import KoboMirrorError

if TYPE_CHECKING:
    from airflow.sdk import ExceptionRetryPolicy
    from sqlalchemy import Engine

    from kobo_mirror.airflow.hooks import KoboHook
    from kobo_mirror.config.settings import Settings
    from kobo_mirror.kobo.form import KoboClient
    from kobo_mirror.sync.mirror import MirrorSync

CONNECTIONS = ("kobo_conn_id", "database_conn_id")
"""The template fields of every operator."""


class Opened(NamedTuple):
    """The connections of a task, opened.

    :param settings: of the form's connection and the environment, checked.
    :param client: reads the form.
    :param engine: writes the database.
    """

    settings: Settings
    client: KoboClient
    engine: Engine


class BaseKoboOperator(BaseOperator):
    """Base of all our operators, with their connections and what happens to their errors.

    :param kobo_conn_id: the form to read, a connection of type "KoboToolbox". (templated)
    :param database_conn_id: the database to write, a connection of type "Kobo Mirror database" or "MySQL".
        (templated)
    :param retry_policy: which errors are worth another try of the task; by default those that may pass.
    """

    template_fields: Sequence[str] = CONNECTIONS
    operator_extra_links = (FormLink(), RunLink())
    ui_color = "#e3f1fb"

    def __init__(
        self,
        *,
        kobo_conn_id: str = "kobo_default",
        database_conn_id: str = "kobo_database",
        retry_policy: ExceptionRetryPolicy | None = RETRY_BY_ERROR,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.kobo_conn_id = kobo_conn_id
        self.database_conn_id = database_conn_id

    @abstractmethod
    def _perform(self, context: Context) -> Any:
        """Do the work of the task; what is returned becomes its XCom."""

    def execute(self, context: Context) -> Any:
        """Do the work of the task. An error is left in XComs, for ``release`` and for the run's note.

        :returns: the task's XCom: small, and without answers of respondents.
        :raises KoboMirrorError: as the library does; ``retry_policy`` decides about another try.
        """
        try:
            return self._perform(context)
        except KoboMirrorError as error:
            error.args = (naming_connection(str(error), self.kobo_conn_id),)
            context["ti"].xcom_push(ERROR, str(error))
            context["ti"].xcom_push(FAILURE, type(error).__name__)
            raise

    def hook(self) -> KoboHook:
        """Return the hook of the form's connection."""
        from kobo_mirror.airflow.hooks import KoboHook

        return KoboHook(self.kobo_conn_id)

    @contextmanager
    def opened(self, *, in_flight: int | None = None) -> Iterator[Opened]:
        """Open both connections, for as long as the block runs.

        :param in_flight: requests at once; None: as many as ``KOBO_MAX_IN_FLIGHT`` allows.
        :yields: the settings, a client for the form and an engine for the database.
        :raises ConfigurationError: a connection lacks a field, or one is malformed.
        """
        hook = self.hook()
        settings = hook.settings()
        most = in_flight or settings.kobo_max_in_flight
        with (
            target_engine(self.database_conn_id) as engine,
            hook.get_client(settings, max_in_flight=most) as client,
        ):
            yield Opened(settings, client, engine)

    def sync_of(
        self,
        opened: Opened,
        *,
        page_size: int | None = None,
        in_flight: int | None = None,
        schema: str | None = None,
    ) -> MirrorSync:
        """Return the sync that the settings describe; its progress goes to the task's log.

        :param opened: what ``opened`` yields.
        :param page_size: submissions a request; None: as the connection says.
        :param in_flight: requests at once; None: as many as ``KOBO_MAX_IN_FLIGHT`` allows.
        :param schema: which changes of tables wait for a person; None: as ``kobo.yml`` says.
        """
        from kobo_mirror.sync.chosen import form_of_environment
        from kobo_mirror.sync.failure_notes import noting_not_started
        from kobo_mirror.sync.mirror import MirrorSync

        with noting_not_started(opened.engine, "sync"):
            chosen = form_of_environment(opened.settings)
        return MirrorSync.configured(
            chosen,
            opened.client,
            opened.engine,
            page_size=page_size,
            in_flight=in_flight,
            schema=schema,
            progress=Progress(self.log.info),
        )

    def leave_note(self, context: Context, note: str) -> None:
        """Leave what the task did in an XCom, from which the note of its run is made.

        :param note: a sentence without answers of respondents; what a note has no room for is cut off.
        """
        context["ti"].xcom_push(NOTE, note[:LONGEST])


def name_of_run(context: Context) -> str:
    """Return what the task's run is called in ``kobo_sync_runs``."""
    return run_name(context["dag"].dag_id, context["run_id"])
