"""What all operators share: their connections, and the error that a failed task leaves behind."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from kobo_mirror.airflow.chosen_forms import chosen_form, known_table, naming_account
from kobo_mirror.airflow.keys import ERROR, FAILURE, NOTE
from kobo_mirror.airflow.links import FormLink, RunLink, run_name
from kobo_mirror.airflow.notes import LONGEST
from kobo_mirror.airflow.operators.rendered import text_of
from kobo_mirror.airflow.policy import RETRY_BY_ERROR
from kobo_mirror.airflow.progress import Progress
from kobo_mirror.airflow.task_start import target_engine
from kobo_mirror.errors import CredentialsError, KoboMirrorError, RequestError, ServerError

if TYPE_CHECKING:
    from airflow.sdk import ExceptionRetryPolicy
    from sqlalchemy import Engine

    from kobo_mirror.airflow.hooks import KoboHook
    from kobo_mirror.config.settings import Settings
    from kobo_mirror.kobo.form import KoboClient
    from kobo_mirror.sync.chosen import ChosenForm
    from kobo_mirror.sync.mirror import MirrorSync

CONNECTIONS = ("kobo_conn_id", "database_conn_id", "form")
"""The template fields of every operator."""


class Opened(NamedTuple):
    """The connections of a task, opened.

    :param chosen: the form, with what ``kobo.yml`` asks for it.
    :param client: reads the form.
    :param engine: writes the database.
    """

    chosen: ChosenForm
    client: KoboClient
    engine: Engine

    @property
    def settings(self) -> Settings:
        """The settings of the form's connection and the environment, checked."""
        return self.chosen.settings


class BaseKoboOperator(BaseOperator):
    """Base of all our operators, with their connections and what happens to their errors.

    :param kobo_conn_id: the form to read, a connection of type "KoboToolbox". (templated)
    :param database_conn_id: the database to write, a connection of type "Kobo Mirror database" or "MySQL".
        (templated)
    :param form: the form: the table or the uid of one that ``kobo.yml`` names or discovers; None: that of the
        connection. (templated)
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
        form: str | None = None,
        retry_policy: ExceptionRetryPolicy | None = RETRY_BY_ERROR,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.kobo_conn_id = kobo_conn_id
        self.database_conn_id = database_conn_id
        self.form = form
        self._chosen: ChosenForm | None = None
        self._table = ""

    @property
    def form_name(self) -> str:
        """What the form is called where several are mirrored: its table, or as ``form`` has it."""
        return self._table or text_of(self.form) or ""

    @property
    def form_address(self) -> str:
        """Where KoboToolbox shows the form; empty while the task has not looked."""
        chosen = self._chosen
        return f"{chosen.server}/#/forms/{chosen.uid}/summary" if chosen else ""

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
            told = naming_account(str(error), self._chosen, self.kobo_conn_id)
            error.args = (self.about(told + self._what_stays(error)),)
            context["ti"].xcom_push(ERROR, str(error))
            context["ti"].xcom_push(FAILURE, type(error).__name__)
            raise

    def about(self, sentence: str) -> str:
        """Return a sentence about the form, with its name before it where several are mirrored.

        :param sentence: of an error, a proof or a note.
        """
        return f"{self.form_name}: {sentence}" if self.form_name else sentence

    def hook(self) -> KoboHook:
        """Return the hook of the form's connection."""
        from kobo_mirror.airflow.hooks import KoboHook

        return KoboHook(self.kobo_conn_id)

    def chosen(self, engine: Engine) -> ChosenForm:
        """Return the form that the task is about.

        :param engine: the database.
        :raises ConfigurationError: a connection lacks a field, ``kobo.yml`` is malformed, or there is no such
            form.
        """
        if self._chosen is None:
            self._chosen = chosen_form(self.kobo_conn_id, engine, text_of(self.form))
        return self._chosen

    @contextmanager
    def opened(self, *, in_flight: int | None = None) -> Iterator[Opened]:
        """Open both connections, for as long as the block runs.

        :param in_flight: requests at once; None: as many as ``KOBO_MAX_IN_FLIGHT`` allows.
        :yields: the form, a client for it and an engine for the database.
        :raises ConfigurationError: as :meth:`chosen` does.
        """
        self.hook().settings(need=())  # a connection that is not there is told first
        with target_engine(self.database_conn_id) as engine:
            chosen = self.chosen(engine)
            chosen.require_account()
            most = in_flight or chosen.settings.kobo_max_in_flight
            with self.hook().get_client(
                chosen.settings, form_key=chosen.form_key, max_in_flight=most, names=chosen.names
            ) as client:
                yield Opened(chosen, client, engine)

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
        from kobo_mirror.sync.mirror import MirrorSync

        return MirrorSync.configured(
            opened.chosen,
            opened.client,
            opened.engine,
            page_size=page_size,
            in_flight=in_flight,
            schema=schema,
            progress=Progress(self.log.info),
        )

    @contextmanager
    def leaving_out(self) -> Iterator[None]:
        """Skip the task where the block finds that the form is mirrored no longer.

        :returns: a context; any other error goes on.
        """
        from kobo_mirror.store.bindings import LetGoError

        try:
            yield
        except LetGoError as error:
            raise AirflowSkipException(self.about(f"{error} This round leaves it out.")) from error

    def _what_stays(self, error: KoboMirrorError) -> str:
        """Return what a person is told of the tables of a form, of several, that its server did not show."""
        is_of_server = isinstance(error, CredentialsError | RequestError | ServerError)
        if not (is_of_server and self._chosen and text_of(self.form)):
            return ""
        with suppress(KoboMirrorError), target_engine(self.database_conn_id) as engine:
            if known_table(engine, self._chosen):
                return " Its tables stay as they are."
        return ""

    def table_of(self, opened: Opened) -> str:
        """Return the name of the form's table as it is now; it becomes the form's name.

        :param opened: what ``opened`` yields.
        """
        table = known_table(opened.engine, opened.chosen)
        self._table = table if text_of(self.form) else ""
        return table

    def leave_note(self, context: Context, note: str) -> None:
        """Leave what the task did in an XCom, from which the note of its run is made.

        :param note: a sentence without answers of respondents; what a note has no room for is cut off.
        """
        context["ti"].xcom_push(NOTE, self.about(note)[:LONGEST])


def name_of_run(context: Context) -> str:
    """Return what the task's run is called in ``kobo_sync_runs``."""
    return run_name(context["dag"].dag_id, context["run_id"])
