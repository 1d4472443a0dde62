"""One step of a sync, or all of it, as an Airflow task. The work is done by ``kobo_mirror.sync``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from kobo_mirror.airflow.beginning import make_tables, problems_of, require_settings, target
from kobo_mirror.airflow.keys import ERROR, FAILURE, NOTE, SKIPPED
from kobo_mirror.airflow.links import FormLink, RunLink, run_name
from kobo_mirror.airflow.notes import LONGEST, counts_note
from kobo_mirror.airflow.policy import RETRY_BY_ERROR
from kobo_mirror.airflow.progress import Progress
from kobo_mirror.errors import (
    ConfigurationError,
    DeletesWaitError,
    KoboMirrorError,
    NotPermittedError,
    error_of,
)

if TYPE_CHECKING:
    from airflow.sdk import ExceptionRetryPolicy, XComArg
    from sqlalchemy import Engine

    from kobo_mirror.airflow.hooks import KoboHook
    from kobo_mirror.config.settings import Settings
    from kobo_mirror.kobo.form import KoboClient
    from kobo_mirror.sync.mirror import MirrorSync
    from kobo_mirror.sync.replay import Fate
    from kobo_mirror.sync.run_handle import RunHandle


class KoboOperator(BaseOperator):
    """Mirror a KoboToolbox form into a database, or do one step of that.

    ``sync`` is all of it in one task. Its steps, each safe to repeat: ``prepare`` (returns the handle that
    the others need), ``register``, ``plan`` (returns the arguments to map ``pull`` over), ``pull``,
    ``reconcile``, ``publish``, and ``release`` for a run that failed. ``verify`` fails unless the mirror
    equals the form. ``replay`` takes dead letters once more and asks again for rejections. ``forms`` lists
    the forms of the account.

    :param step: what to do.
    :param kobo_conn_id: the form to read, a connection of type "KoboToolbox". (templated)
    :param database_conn_id: the database to write. (templated)
    :param run_handle: what ``prepare`` returned. (templated)
    :param lanes: the lanes to pull. (templated)
    :param in_flight: requests at once; None: as many as the settings allow. (templated)
    :param groups: the number of tasks that ``plan`` may cut a large pull into.
    :param mode: ``incremental``, ``exact``, or ``auto``: the form's size and the last exact run decide;
        ``again`` reads the whole form anew; ``check`` only compares, and skips what follows ``prepare``.
        ``usual`` is a former name of ``incremental``. (templated)
    :param page_size: submissions asked for at once; None: as the connection says. (templated)
    :param since_id: read every submission with a higher ``_id`` again. (templated)
    :param confirm_deletes: the code of a list of deletes that waits for a person's word. (templated)
    :param full: ``verify`` compares every answer, not only tokens and digests. (templated)
    :param full_when_due: ``verify`` also compares every answer where a proof that does is due, by
        ``KOBO_VERIFY_FULL_EVERY_DAYS``. (templated)
    :param repair: ``verify`` mends what differs and compares again. (templated)
    :param dead_letters: ids of the dead letters that ``replay`` takes. (templated)
    :param rejections: ``_id`` of the rejected submissions that ``replay`` asks for. Without any id of either
        kind it takes all that wait. (templated)
    """

    template_fields: Sequence[str] = (
        "kobo_conn_id",
        "database_conn_id",
        "run_handle",
        "lanes",
        "in_flight",
        "mode",
        "page_size",
        "since_id",
        "confirm_deletes",
        "full",
        "full_when_due",
        "repair",
        "dead_letters",
        "rejections",
    )
    operator_extra_links = (FormLink(), RunLink())
    ui_color = "#e3f1fb"

    def __init__(
        self,
        *,
        step: str = "sync",
        kobo_conn_id: str = "kobo_default",
        database_conn_id: str = "kobo_database",
        run_handle: dict[str, Any] | XComArg | None = None,
        lanes: Sequence[int] = (),
        in_flight: int | None = None,
        groups: int = 1,
        mode: str = "auto",
        page_size: int | str | None = None,
        since_id: int | str | None = None,
        confirm_deletes: str | None = None,
        full: bool | str = False,
        full_when_due: bool | str = False,
        repair: bool | str = False,
        dead_letters: Sequence[int] | str = (),
        rejections: Sequence[int] | str = (),
        retry_policy: ExceptionRetryPolicy | None = RETRY_BY_ERROR,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        if step not in _STEPS:
            raise ValueError(f"step must be one of: {', '.join(_STEPS)}")
        self.step = step
        self.kobo_conn_id = kobo_conn_id
        self.database_conn_id = database_conn_id
        self.run_handle = run_handle
        self.lanes = lanes
        self.in_flight = in_flight
        self.groups = groups
        self.mode = mode
        self.page_size = page_size
        self.since_id = since_id
        self.confirm_deletes = confirm_deletes
        self.full = full
        self.full_when_due = full_when_due
        self.repair = repair
        self.dead_letters = dead_letters
        self.rejections = rejections

    def execute(self, context: Context) -> Any:
        """Do the step. What went wrong is left in an XCom, for ``release`` and the run's note.

        :raises KoboMirrorError: as the library does; ``retry_policy`` decides whether it is worth a retry.
        """
        try:
            return _STEPS[self.step](self, context)
        except KoboMirrorError as error:
            context["ti"].xcom_push(ERROR, str(error))
            context["ti"].xcom_push(FAILURE, type(error).__name__)
            raise

    def _hook(self) -> KoboHook:
        from kobo_mirror.airflow.hooks import KoboHook

        return KoboHook(self.kobo_conn_id)

    @contextmanager
    def _parts(self) -> Iterator[tuple[Settings, KoboClient, Engine]]:
        hook = self._hook()
        settings = hook.settings()
        in_flight = self.in_flight or settings.kobo_max_in_flight
        engine_of = target(self.database_conn_id)
        with engine_of as engine, hook.get_client(settings, max_in_flight=in_flight) as client:
            yield settings, client, engine

    def _mirror_sync(self, settings: Settings, client: KoboClient, engine: Engine) -> MirrorSync:
        from kobo_mirror.sync.mirror import MirrorSync

        return MirrorSync.configured(
            settings,
            client,
            engine,
            page_size=_number(self.page_size),
            in_flight=self.in_flight,
            progress=Progress(self.log.info),
        )

    @contextmanager
    def _sync(self) -> Iterator[MirrorSync]:
        with self._parts() as parts:
            yield self._mirror_sync(*parts)

    def _prepare(self, context: Context) -> dict[str, Any]:
        from kobo_mirror.sync.lease_keeper import note_not_started

        if self.mode == "check":
            raise AirflowSkipException(self._verify(context))
        name = _name_of(context)
        require_settings(self.kobo_conn_id, self.database_conn_id, name, note_not_started)
        make_tables(self.database_conn_id, name)
        with self._parts() as parts:
            self._require_waiting(*parts)
            mode, since = self._asked_for()
            return self._mirror_sync(*parts).prepare(name, mode=mode, since=since).to_json()

    def _require_waiting(self, settings: Settings, client: KoboClient, engine: Engine) -> None:
        """Refuse a code that confirms nothing; one that has served may be of an earlier try of this run."""
        from kobo_mirror.store.codes import require_waiting

        if code := _text(self.confirm_deletes):
            require_waiting(engine, settings.kobo_asset_id, code, served_will_do=True)

    def _asked_for(self) -> tuple[str, int | None]:
        return ("exact", 0) if self.mode == "again" else (self.mode, _number(self.since_id))

    def _register(self, context: Context) -> str:
        from kobo_mirror.sync.register import register_webhook

        with self._parts() as (settings, client, engine):
            if not settings.real_time_post_endpoint_url:
                raise AirflowSkipException(
                    "No webhook endpoint is set: new submissions come by schedule only."
                )
            try:
                registration = register_webhook(
                    client,
                    engine,
                    endpoint=settings.real_time_post_endpoint_url,
                    secret=settings.webhook_secret,
                    registrar_url=settings.inkomoko_register_webhook_url,
                )
            except NotPermittedError as problem:
                context["ti"].xcom_push(SKIPPED, str(problem))
                raise AirflowSkipException(str(problem)) from problem
        self.log.info("%s", registration.sentence)
        return registration.sentence

    def _plan(self, context: Context) -> list[dict[str, Any]]:
        with self._sync() as sync:
            groups = sync.plan(self._given_handle(), groups=self.groups) or [[]]
        in_flight = self._hook().settings().kobo_max_in_flight
        return [{"lanes": lanes, "in_flight": max(1, in_flight // len(groups))} for lanes in groups]

    def _pull(self, context: Context) -> None:
        with self._sync() as sync:
            sync.pull(self._given_handle(), list(self.lanes))

    def _reconcile(self, context: Context) -> None:
        with self._sync() as sync:
            sync.reconcile(self._given_handle(), confirm=_text(self.confirm_deletes))

    def _publish(self, context: Context) -> dict[str, Any]:
        with self._sync() as sync:
            return self._published(context, sync.finish(self._given_handle()))

    def _release(self, context: Context) -> None:
        if problems := list(problems_of(context)):
            error = error_of(problems[0][0], " ".join(sentence for _, sentence in problems))
            self.log.error("This run failed. %s", error)
            with self._sync() as sync:
                sync.fail(self._given_handle(), error)

    def _sync_all(self, context: Context) -> dict[str, Any]:
        from kobo_mirror.sync.lease_keeper import note_not_started

        (mode, since), confirm = self._asked_for(), _text(self.confirm_deletes)
        name = _name_of(context)
        require_settings(self.kobo_conn_id, self.database_conn_id, name, note_not_started)
        make_tables(self.database_conn_id, name)
        with self._parts() as parts:
            self._require_waiting(*parts)
            sync = self._mirror_sync(*parts)
            counts = sync.run(mode=mode, since=since, confirm=confirm, name=name)
        return self._published(context, counts)

    def _verify(self, context: Context) -> str:
        from kobo_mirror.sync.context import mirror_of
        from kobo_mirror.sync.lease_keeper import note_failed_verification, noting_failed_verification
        from kobo_mirror.sync.verify import verify

        name, waiting = _name_of(context), ""
        require_settings(self.kobo_conn_id, self.database_conn_id, name, note_failed_verification)
        with self._parts() as (settings, client, engine):
            mirror = mirror_of(settings)
            progress = Progress(self.log.info)
            with noting_failed_verification(engine, mirror.form, name):
                full = _flag(self.full) or self._full_is_due(settings, engine)
            report = verify(client, engine, mirror, progress, full=full, name=name)
            if _flag(self.repair) and not report.equal:
                self._require_waiting(settings, client, engine)
                self.log.warning("%s: mending it", report.sentence)
                sync = self._mirror_sync(settings, client, engine)
                try:
                    sync.repair(report, confirm=_text(self.confirm_deletes))
                except DeletesWaitError as error:  # all else is mended
                    waiting = f". {error}"
                report = verify(client, engine, mirror, progress, full=full, name=name)
        sentence = f"{report.sentence}{waiting}"
        context["ti"].xcom_push(NOTE, sentence[:LONGEST])
        if not report.equal:
            named = {kind: ids for kind, ids in report.named.items() if ids}
            raise AirflowFailException(f"{sentence}. The first ids of each kind: {named}")
        self.log.info("%s", sentence)
        return sentence

    def _full_is_due(self, settings: Settings, engine: Engine) -> bool:
        from kobo_mirror.store.proofs import full_proof_is_due

        every = settings.kobo_verify_full_every_days
        due = _flag(self.full_when_due) and full_proof_is_due(engine, settings.kobo_asset_id, every)
        if due:
            self.log.info(
                "A proof that compares every answer is due (KOBO_VERIFY_FULL_EVERY_DAYS=%s).", every
            )
        return due

    def _replay(self, context: Context) -> str:
        from kobo_mirror.sync.context import mirror_of
        from kobo_mirror.sync.replay import replay_dead_letters, replay_rejections, sentence_of

        letters, rejected = _ids(self.dead_letters), _ids(self.rejections)
        everything = not letters and not rejected
        fates: list[Fate] = []
        waiting: DeletesWaitError | None = None
        with self._parts() as (settings, client, engine):
            mirror = mirror_of(settings)
            if rejected or everything:  # first, since a sync that runs makes it try all of this again
                ask_again = self._mirror_sync(settings, client, engine).ask_again
                fates, waiting = replay_rejections(engine, mirror, ask_again, ids=rejected)
            if letters or everything:
                fates += replay_dead_letters(engine, mirror, settings.kobo_keep_payloads, ids=letters)
        for fate in fates:
            self.log.info("%s", fate.sentence)
        sentence = sentence_of(fates)
        if waiting:
            self.log.warning("%s", waiting)
            sentence = f"{sentence}. {waiting}"
        context["ti"].xcom_push(NOTE, sentence[:LONGEST])
        return sentence

    def _forms(self, context: Context) -> None:
        hook = self._hook()
        settings = hook.settings(need=("KOBO_TOKEN",))
        with hook.get_client(settings) as client:
            forms = sorted(map(str, client.server.forms()), key=str.casefold)
        sentence = f"{len(forms)} forms at {settings.kobo_url}"
        for line in (sentence, *forms):
            self.log.info("%s", line)
        context["ti"].xcom_push(NOTE, "\n- ".join([sentence, *forms])[:LONGEST])

    def _given_handle(self) -> RunHandle:
        from kobo_mirror.sync.run_handle import RunHandle

        if not isinstance(self.run_handle, dict):
            raise ConfigurationError(f"The step '{self.step}' needs the run handle that 'prepare' returns.")
        return RunHandle.from_json(self.run_handle)

    def _published(self, context: Context, counts: dict[str, Any]) -> dict[str, Any]:
        self.log.info("%s", counts["sentence"])
        context["ti"].xcom_push(NOTE, counts_note(counts))
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra = dict(counts)
        return counts


_STEPS: Mapping[str, Callable[[KoboOperator, Context], Any]] = {
    "sync": KoboOperator._sync_all,
    "prepare": KoboOperator._prepare,
    "register": KoboOperator._register,
    "plan": KoboOperator._plan,
    "pull": KoboOperator._pull,
    "reconcile": KoboOperator._reconcile,
    "publish": KoboOperator._publish,
    "release": KoboOperator._release,
    "verify": KoboOperator._verify,
    "replay": KoboOperator._replay,
    "forms": KoboOperator._forms,
}


def _name_of(context: Context) -> str:
    return run_name(context["dag"].dag_id, context["run_id"])


def _number(given: int | str | None) -> int | None:
    """What a template left: a number, or nothing where its Param is empty."""
    return int(text) if (text := _text(given)) else None


def _text(given: object) -> str | None:
    return None if given in (None, "", "None") else str(given)


def _ids(given: Sequence[int] | str) -> list[int]:
    """What a template left of a list of numbers."""
    found = json.loads(_text(given) or "[]") if isinstance(given, str) else given
    return [int(number) for number in found]


def _flag(given: bool | str) -> bool:
    return str(given) == "True"
