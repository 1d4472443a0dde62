"""The command ``run``: all forms synced at intervals, and the webhook served and registered."""

from __future__ import annotations

import argparse
from contextlib import suppress
from functools import partial
from threading import Event

from sqlalchemy import Engine

from kobo_mirror.cli import serve
from kobo_mirror.cli.chosen import Command, FormAtHand, command
from kobo_mirror.cli.voice import Voice
from kobo_mirror.config.forms_file import FormsFile
from kobo_mirror.config.settings import SET_IT, Settings
from kobo_mirror.errors import (
    ConfigurationError,
    DatabaseError,
    KoboMirrorError,
    NotPermittedError,
    ServerError,
    naming_faults,
)
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.bindings import LetGoError
from kobo_mirror.store.forgetting import require_free
from kobo_mirror.store.leases import process_holder
from kobo_mirror.store.schema import migrate
from kobo_mirror.sync.choosing import Chosen, note_choice
from kobo_mirror.sync.failure_notes import note_not_started
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.register import register_form
from kobo_mirror.sync.verify import prove_when_due


def run(options: argparse.Namespace) -> int:
    """Serve the webhook, register it, and sync all forms at intervals.

    :param options: ``every``, ``schema``, ``form``.
    :returns: the exit code, as ``serve.serve`` does.
    :raises KoboMirrorError: a refusal, before the first sync has succeeded.
    """
    stop = Event()
    with command(sleep=partial(serve.pause, stop), makes=True) as work:
        settings = with_secret(work.settings)
        registering = Registering(settings)

        def set_up() -> str:
            _prepare(work)
            if not settings.real_time_post_endpoint_url:
                return "nothing is registered, since REAL_TIME_POST_ENDPOINT_URL is not set"
            if not work.is_about_one:
                return "the webhook is registered with each form after its sync"
            try:
                (form,) = work.forms().forms
                return registering.register(work.at_hand(form))
            except NotPermittedError as error:
                return str(error)

        def sync() -> str:
            _prepare(work)
            now = work.anew()
            chosen = now.forms(options.form)
            if options.form is None:
                note_choice(now.engine, chosen, among_others=not now.is_about_one)
            return _synced(now, chosen, options.schema, registering)

        return serve.serve(
            partial(_first_contact, work, options.form),
            set_up,
            sync,
            every=options.every * 60,
            stop=stop,
            withheld={work.file.token, *(entry.token for entry in work.file.entries)},
        )


class Registering:
    """Registers the webhook with each form, and says what is new.

    :param settings: of the process.
    """

    def __init__(self, settings: Settings) -> None:
        self._is_wanted = bool(settings.real_time_post_endpoint_url)
        self._said: dict[str, str] = {}

    def register(self, form: FormAtHand) -> str:
        """Register the webhook with a form, or mend what is registered.

        :param form: the form.
        :returns: a sentence.
        :raises KoboMirrorError: the server or the database could not do it.
        """
        return register_form(form.chosen, form.client, form.engine).sentence

    def after_sync(self, form: FormAtHand) -> None:
        """Do it for a form that was just synced, and print the sentence if it is another one than before.

        :param form: the form.
        :raises KoboMirrorError: as ``register`` does.
        """
        if not self._is_wanted:
            return
        try:
            said = self.register(form)
        except NotPermittedError as error:
            said = str(error)
        key = form.chosen.form_key
        if self._said.get(key) != said:
            self._said[key] = said
            form.voice.say(said)


def with_secret(settings: Settings) -> Settings:
    """Return the settings if they say what guards the webhook.

    :param settings: of the process.
    :raises ConfigurationError: they do not.
    """
    if not settings.webhook_secret and settings.webhook_auth != "none":
        raise ConfigurationError(
            f"WEBHOOK_SECRET is not set. {SET_IT} Or say WEBHOOK_AUTH=none if nothing shall guard it."
        )
    return settings


def require_place(settings: Settings, engine: Engine, file: FormsFile) -> None:
    """Refuse a database that mirrors another form than that of ``KOBO_ASSET_ID``, unless forms may share it.

    :param settings: of the process.
    :param engine: the database.
    :param file: what ``kobo.yml`` says.
    :raises SchemaError: it does.
    """
    if not file.names_forms:
        require_free(engine, settings.kobo_url, settings.kobo_asset_id)


def _prepare(work: Command) -> None:
    migrate(work.engine)
    require_place(work.settings, work.engine, work.file)


def _synced(work: Command, chosen: Chosen, schema: str | None, registering: Registering) -> str:
    """Sync each form, register the webhook with it, and say so; return what was done in all.

    :raises KoboMirrorError: the only one failed, or the first one where all did.
    """
    if work.is_about_one:
        return _synced_one(work.at_hand(chosen.forms[0]), schema)
    errors = [chosen.problem] if chosen.problem else []
    done = 0
    for form in chosen.forms:
        at_hand = work.at_hand(form)
        try:
            with naming_faults():
                at_hand.voice.say(_synced_one(at_hand, schema))
                done += 1
                registering.after_sync(at_hand)
        except LetGoError as error:
            at_hand.voice.say(f"{error} This round leaves it out.")
        except KoboMirrorError as error:
            errors.append(error)
            if len(chosen.forms) > 1:
                at_hand.voice.complain(error)
    if errors and not done:
        raise errors[0]
    if chosen.problem:
        Voice().complain(chosen.problem)
    return f"{done} of {len(chosen.forms)} forms were synced"


def _synced_one(form: FormAtHand, schema: str | None) -> str:
    chosen = form.chosen
    with form.noting_not_started(process_holder("run")):
        client = form.client
    syncing = MirrorSync.configured(chosen, client, form.engine, schema=schema)
    done = syncing.run(name="run")["sentence"]
    days = chosen.settings.kobo_verify_full_every_days
    report = prove_when_due(form.client, form.engine, chosen.mirror(form.engine), days)
    return f"{done}; {report.sentence}" if report else str(done)


def _first_contact(work: Command, pick: str | None) -> str:
    """Ask for the form once, with short time-outs; a database that is down is reported by the first sync.

    A refusal ends ``run``, so it is noted for ``status``.
    """
    try:
        with suppress(DatabaseError):
            _prepare(work)
        return _asked_once(work.settings) if work.settings.kobo_asset_id else _counted(work, pick)
    except (ServerError, DatabaseError):  # `run` tries again
        raise
    except KoboMirrorError as error:
        note_not_started(work.engine, process_holder("run"), error, work.settings.kobo_asset_id)
        raise


def _asked_once(settings: Settings) -> str:
    with open_form(
        settings.kobo_url, settings.kobo_token, settings.kobo_asset_id, attempts=1, timeout=(5.0, 15.0)
    ) as client:
        form = client.form()
    shown = "" if form.submission_count is None else f" with {form.submission_count:,} submissions"
    return f"{settings.kobo_url} shows the form '{form.name}'{shown}"


def _counted(work: Command, pick: str | None) -> str:
    """Return how many forms ``kobo.yml`` chooses; which of them can be read, their syncs tell."""
    chosen = work.forms(pick)
    if chosen.problem and not chosen.forms:
        raise chosen.problem
    return f"{len(chosen.forms)} forms are mirrored"
