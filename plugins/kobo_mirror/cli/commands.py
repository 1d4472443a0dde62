"""The commands of the command line: what each reads, calls and prints."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event

from sqlalchemy import Engine

from kobo_mirror.cli import serve
from kobo_mirror.cli.arguments import Command, parser_of
from kobo_mirror.cli.plans import apply_plan, show_plan
from kobo_mirror.cli.printing import print_report, print_status
from kobo_mirror.cli.status import status
from kobo_mirror.cli.wiring import client_of, engine_of
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import (
    ConfigurationError,
    CredentialsError,
    DatabaseError,
    DeletesWaitError,
    KoboMirrorError,
    NotPermittedError,
    ServerError,
)
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.kobo.rest_services import fingerprint
from kobo_mirror.store.codes import require_waiting
from kobo_mirror.store.forgetting import require_free
from kobo_mirror.store.leases import process_holder
from kobo_mirror.store.proofs import full_proof_is_due
from kobo_mirror.store.schema import migrate, require_tables
from kobo_mirror.sync.chosen import form_of_environment
from kobo_mirror.sync.context import mirror_of
from kobo_mirror.sync.failure_notes import note_not_started, noting_failed_verification, noting_not_started
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.register import register_webhook
from kobo_mirror.sync.replay import Fate, replay_dead_letters, replay_rejections, sentence_of
from kobo_mirror.sync.source import Progress, no_progress
from kobo_mirror.sync.verify import Report, prove_when_due, verify

_KOBO = ("DATABASE_URL", "KOBO_TOKEN", "KOBO_ASSET_ID")
_REGISTER = (*_KOBO, "REAL_TIME_POST_ENDPOINT_URL")
_PHASES = {"pull": "reading", "sweep": "sweeping", "fetch": "asking again", "verify": "comparing"}
_FAILED, _COULD_NOT_TELL = 1, 2
_NEVER_BY_AGE = 36_500


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    :param arguments: the command and its options; None: those of the process.
    :returns: the exit code: 0 done; 1 failed, or ``verify`` found a difference; 2 the command could not be
        tried, or ``verify`` could not compare; 130 stopped by Ctrl-C.
    """
    options = parser_of(_COMMANDS).parse_args(arguments)
    try:
        return int(options.command(options))
    except (ConfigurationError, CredentialsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return _COULD_NOT_TELL
    except KoboMirrorError as error:
        print(f"error: {error}", file=sys.stderr)
        return _COULD_NOT_TELL if options.command is _verify else _FAILED
    except BrokenPipeError:  # the reader of the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except KeyboardInterrupt:
        goes_on = "; the next sync goes on where this one was" if options.command is _sync else ""
        print(f"stopped{goes_on}", file=sys.stderr)
        return 130


@contextmanager
def _bars() -> Iterator[Progress]:
    """Show progress bars on a terminal; elsewhere none are shown, and rich is not imported."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    from kobo_mirror.cli.progress import bars

    with bars(_PHASES) as tell:
        yield tell


def _migrate(_: argparse.Namespace) -> int:
    settings = Settings.from_env(["DATABASE_URL"])
    engine = engine_of(settings)
    made = migrate(engine)
    if settings.kobo_asset_id:
        require_free(engine, settings.kobo_url, settings.kobo_asset_id)
    again = f"; made again: {', '.join(made)}: the next sync reads the whole form" if made else ""
    print(f"the database has the newest tables{again}")
    return 0


def _sync(options: argparse.Namespace) -> int:
    settings = Settings.from_env(_KOBO)
    engine = engine_of(settings)
    with noting_not_started(engine, "sync"):
        migrate(engine)
    if options.confirm_deletes is not None:
        require_waiting(engine, settings.kobo_asset_id, options.confirm_deletes)
    with client_of(settings) as client, _bars() as tell:
        with noting_not_started(engine, "sync"):
            chosen = form_of_environment(settings)
        syncing = MirrorSync.configured(chosen, client, engine, schema=options.schema, progress=tell)
        result = syncing.run(mode=options.mode, since=options.since, confirm=options.confirm_deletes)
    print(json.dumps(result) if options.json else result["sentence"])
    return 0


def _verify(options: argparse.Namespace) -> int:
    settings = Settings.from_env(_KOBO)
    engine = engine_of(settings)
    if options.confirm_deletes is not None:
        if not options.repair:
            raise ConfigurationError("--confirm-deletes confirms what --repair deletes: give both, or none.")
        require_waiting(engine, settings.kobo_asset_id, options.confirm_deletes)
    waiting: DeletesWaitError | None = None
    with noting_failed_verification(engine, "verify"):
        require_tables(engine)
        mirror = mirror_of(settings, engine)
    with client_of(settings) as client, _bars() as tell:
        report = verify(client, engine, mirror, tell, full=options.full)
        if options.repair and not report.equal:
            _say(report, options)
            syncing = MirrorSync.configured(form_of_environment(settings), client, engine, progress=tell)
            try:
                syncing.repair(report, confirm=options.confirm_deletes)
            except DeletesWaitError as error:  # all else is repaired
                waiting = error
            # A proof of every answer that found a difference is only answered by another one.
            full = options.full or full_proof_is_due(engine, mirror.asset_uid, _NEVER_BY_AGE)
            report = verify(client, engine, mirror, tell, full=full)
    _say(report, options)
    if waiting:
        print(f"error: {waiting}", file=sys.stderr)
    return 0 if report.equal and not _strictly(report, options) else _FAILED


def _strictly(report: Report, options: argparse.Namespace) -> int:
    """Return the number of differences that count only because of ``--strict``."""
    return report.rejected + len(report.unreadable) if options.strict else 0


def _say(report: Report, options: argparse.Namespace) -> None:
    how = {"full": options.full, "repair": options.repair, "strict": options.strict}
    print_report(report, **how, as_json=options.json)


def _status(options: argparse.Namespace) -> int:
    settings = Settings.from_env(["DATABASE_URL"])
    secret = settings.webhook_secret
    facts = status(engine_of(settings), fingerprint(secret) if secret else None)
    if options.json:
        print(json.dumps(facts))
        return 0
    print_status(facts)
    return 0


def _replay(options: argparse.Namespace) -> int:
    settings = Settings.from_env(_KOBO)
    engine = engine_of(settings)
    if options.id and options.what == "all":
        raise ConfigurationError(
            "An id names a dead letter or a submission: say `replay dead-letters --id ID` or "
            "`replay rejections --id ID`."
        )
    require_tables(engine)
    mirror = mirror_of(settings, engine)
    which = {"ids": options.id, "reason": options.reason}
    fates: list[Fate] = []
    waiting = None
    if options.what != "rejections":
        fates += _told(replay_dead_letters(engine, mirror, settings.kobo_keep_payloads, **which))
    if options.what != "dead-letters":
        with client_of(settings) as client, _bars() as tell:
            syncing = MirrorSync.configured(form_of_environment(settings), client, engine, progress=tell)
            found, waiting = replay_rejections(engine, mirror, syncing.ask_again, **which)
        fates += _told(found)
    print(sentence_of(fates))
    if waiting:
        print(waiting)
    return 0 if all(fate.is_done for fate in fates) else _FAILED


def _told(fates: list[Fate]) -> list[Fate]:
    """Print what became of each now, since what comes after this may fail; return the same list."""
    for fate in fates:
        print(fate.sentence)
    return fates


def _register(_: argparse.Namespace) -> int:
    settings = _with_secret(Settings.from_env(_REGISTER))
    engine = engine_of(settings)
    _prepare(settings, engine)
    with client_of(settings) as client:
        print(_registered(settings, client, engine))
    return 0


def _prepare(settings: Settings, engine: Engine) -> None:
    migrate(engine)
    require_free(engine, settings.kobo_url, settings.kobo_asset_id)


def _registered(settings: Settings, client: KoboClient, engine: Engine) -> str:
    return register_webhook(
        client,
        engine,
        endpoint=settings.real_time_post_endpoint_url,
        secret=settings.webhook_secret,
        registrar_url=settings.inkomoko_register_webhook_url,
    ).sentence


def _with_secret(settings: Settings) -> Settings:
    if not settings.webhook_secret and settings.webhook_auth != "none":
        raise ConfigurationError(
            "WEBHOOK_SECRET is not set. Set it in .env, or say WEBHOOK_AUTH=none if nothing shall guard it."
        )
    return settings


def _run(options: argparse.Namespace) -> int:
    settings = _with_secret(Settings.from_env(_KOBO))
    engine, stop = engine_of(settings), Event()
    sleep = partial(serve.pause, stop)
    with client_of(settings, sleep) as client:
        syncing = MirrorSync.configured(form_of_environment(settings), client, engine, schema=options.schema)

        def set_up() -> str:
            _prepare(settings, engine)
            if not settings.real_time_post_endpoint_url:
                return "nothing is registered, since REAL_TIME_POST_ENDPOINT_URL is not set"
            try:
                return _registered(settings, client, engine)
            except NotPermittedError as error:
                return str(error)

        def sync() -> str:
            _prepare(settings, engine)
            done = syncing.run(name="run")["sentence"]
            days = settings.kobo_verify_full_every_days
            report = prove_when_due(client, engine, mirror_of(settings, engine), days)
            return f"{done}; {report.sentence}" if report else str(done)

        ask = partial(_first_contact, settings, engine)
        return serve.serve(ask, set_up, sync, every=options.every * 60, stop=stop)


def _first_contact(settings: Settings, engine: Engine) -> str:
    """Ask for the form once, with short time-outs; a database that is down is reported by the first sync.

    A refusal ends ``run``, so it is noted for ``status``.
    """
    try:
        return _asked_once(settings, engine)
    except (ServerError, DatabaseError):  # `run` tries again
        raise
    except KoboMirrorError as error:
        note_not_started(engine, process_holder("run"), error)
        raise


def _asked_once(settings: Settings, engine: Engine) -> str:
    with suppress(DatabaseError):
        _prepare(settings, engine)
    with open_form(
        settings.kobo_url, settings.kobo_token, settings.kobo_asset_id, attempts=1, timeout=(5.0, 15.0)
    ) as client:
        form = client.form()
    shown = "" if form.submission_count is None else f" with {form.submission_count:,} submissions"
    return f"{settings.kobo_url} shows the form '{form.name}'{shown}"


_COMMANDS: Mapping[str, Command] = {
    "migrate": _migrate,
    "sync": _sync,
    "plan": show_plan,
    "apply": apply_plan,
    "verify": _verify,
    "status": _status,
    "replay": _replay,
    "register-webhook": _register,
    "run": _run,
}
