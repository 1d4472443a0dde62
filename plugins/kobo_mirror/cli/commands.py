"""The commands of the command line: what each reads, calls and prints."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from kobo_mirror.cli.arguments import Command, parser_of
from kobo_mirror.cli.chosen import FormAtHand, command
from kobo_mirror.cli.forms import forms
from kobo_mirror.cli.plans import apply_plan, show_plan
from kobo_mirror.cli.printing import print_report, print_status
from kobo_mirror.cli.pulling import second_process
from kobo_mirror.cli.running import require_place, run, with_secret
from kobo_mirror.cli.status import statuses
from kobo_mirror.cli.voice import COULD_NOT_TELL, FAILED, Voice, code_of
from kobo_mirror.cli.wiring import engine_of
from kobo_mirror.config.forms_file import read_forms_file
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError, DeletesWaitError, KoboMirrorError
from kobo_mirror.store.bindings import LetGoError
from kobo_mirror.store.codes import owner_of, require_waiting
from kobo_mirror.store.proofs import full_proof_is_due
from kobo_mirror.store.schema import migrate, require_tables
from kobo_mirror.sync.choosing import note_choice
from kobo_mirror.sync.chosen import named_tables, names_in
from kobo_mirror.sync.failure_notes import noting_failed_verification, noting_not_started
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.register import register_form, secret_fingerprint
from kobo_mirror.sync.replay import Fate, replay_dead_letters, replay_rejections, sentence_of
from kobo_mirror.sync.source import Progress, no_progress
from kobo_mirror.sync.verify import Report, verify

_PHASES = {"pull": "reading", "sweep": "sweeping", "fetch": "asking again", "verify": "comparing"}
_NEVER_BY_AGE = 36_500


def main(arguments: Sequence[str] | None = None, *, may_fork: bool = False) -> int:
    """Run one command.

    :param arguments: the command and its options; None: those of the process.
    :param may_fork: the process has no other thread, and does nothing else: a sync may use a second one.
    :returns: the exit code: 0 done; 1 failed, or ``verify`` found a difference; 2 the command could not be
        tried, or ``verify`` could not compare; 130 stopped by Ctrl-C. Of several forms, that of the worst.
    """
    options = parser_of(_COMMANDS).parse_args(arguments)
    options.may_fork = may_fork
    try:
        return int(options.command(options))
    except KoboMirrorError as error:
        Voice().complain(error)
        return code_of(error, COULD_NOT_TELL if options.command is _verify else FAILED)
    except BrokenPipeError:  # the reader of the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        goes_on = "; the next sync goes on where this one was" if options.command is _sync else ""
        print(f"stopped{goes_on}", file=sys.stderr)
        return 130


@contextmanager
def _bars() -> Iterator[Progress]:
    """Show progress bars on a terminal; elsewhere none are shown, and rich is not imported."""
    if not (sys.stderr and sys.stderr.isatty()):  # None where it is closed
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
        require_place(settings, engine, read_forms_file(settings))
    again = f"; made again: {', '.join(made)}: the next sync reads the whole form" if made else ""
    print(f"the database has the newest tables{again}")
    return 0


def _sync(options: argparse.Namespace) -> int:
    with command(run="sync", makes=True) as asked:
        with noting_not_started(asked.engine, "sync"):
            migrate(asked.engine)
        work = asked.anew()
        pick = work.pick_by(options.form, options.confirm_deletes, owner_of)
        forms = work.forms(pick)
        if pick is None:
            note_choice(work.engine, forms, among_others=not work.is_about_one)
        if options.since is not None and len(forms.forms) > 1:
            raise ConfigurationError("--since is an _id of one form: say which one with --form.")
        return work.each(forms, partial(_sync_one, options=options))


def _sync_one(form: FormAtHand, options: argparse.Namespace) -> int:
    if options.confirm_deletes is not None:
        require_waiting(form.engine, form.chosen.form_key, options.confirm_deletes)
    with form.noting_not_started("sync"):
        client = form.client
    forking = second_process(form, since=options.since) if options.may_fork else nullcontext()
    with forking as second, _bars() as tell:
        syncing = MirrorSync.configured(
            form.chosen, client, form.engine, schema=options.schema, progress=tell
        )
        asked_for = {"mode": options.mode, "since": options.since, "confirm": options.confirm_deletes}
        try:
            result = syncing.run(**asked_for, second=second)
        except LetGoError as error:
            result = {"sentence": f"{error} This round leaves it out."}
    if options.json:
        form.voice.tell(result)
    else:
        form.voice.say(result["sentence"])
    return 0


def _verify(options: argparse.Namespace) -> int:
    with command() as work:
        if options.confirm_deletes is not None and not options.repair:
            raise ConfigurationError("--confirm-deletes confirms what --repair deletes: give both, or none.")
        pick = work.pick_by(options.form, options.confirm_deletes, owner_of)
        return work.each(work.forms(pick), partial(_verify_one, options=options), failed=COULD_NOT_TELL)


def _verify_one(form: FormAtHand, options: argparse.Namespace) -> int:
    chosen, engine = form.chosen, form.engine
    if options.confirm_deletes is not None:
        require_waiting(engine, chosen.form_key, options.confirm_deletes)
    waiting: DeletesWaitError | None = None
    with noting_failed_verification(engine, "verify", chosen.form_key, among_others=chosen.among_others):
        client = form.client
        require_tables(engine, asset_uid=chosen.form_key)
        mirror = chosen.mirror(engine)
    with _bars() as tell:
        report = verify(client, engine, mirror, tell, full=options.full)
        if options.repair and not report.equal:
            _say(report, options, form.voice)
            syncing = MirrorSync.configured(chosen, client, engine, progress=tell)
            try:
                syncing.repair(report, confirm=options.confirm_deletes)
            except DeletesWaitError as error:  # all else is repaired
                waiting = error
            # A proof of every answer that found a difference is only answered by another one.
            full = options.full or full_proof_is_due(engine, mirror.asset_uid, _NEVER_BY_AGE)
            report = verify(client, engine, mirror, tell, full=full)
    _say(report, options, form.voice)
    if waiting:
        form.voice.complain(waiting)
    return 0 if report.equal and not _strictly(report, options) else FAILED


def _strictly(report: Report, options: argparse.Namespace) -> int:
    """Return the number of differences that count only because of ``--strict``."""
    return report.rejected + len(report.unreadable) if options.strict else 0


def _say(report: Report, options: argparse.Namespace, voice: Voice) -> None:
    how = {"full": options.full, "repair": options.repair, "strict": options.strict}
    print_report(report, voice, **how, as_json=options.json)


def _status(options: argparse.Namespace) -> int:
    settings = Settings.from_env(["DATABASE_URL"])
    engine = engine_of(settings, must_exist=True)
    secret = partial(secret_fingerprint, settings.webhook_secret)
    code, named = 0, None
    told: dict[str, Any] = {}
    try:
        named = named_tables(settings)
        file = read_forms_file(settings)
        told = {"names": partial(names_in, settings, file), "names_forms": file.names_forms}
    except ConfigurationError as error:  # the database tells enough
        Voice().complain(error)
        code = COULD_NOT_TELL
    for number, facts in enumerate(statuses(engine, secret, options.form, named, **told)):
        if isinstance(facts, KoboMirrorError):
            Voice().complain(facts)
            code = max(code, FAILED)
            continue
        if number and not options.json:
            print()
        print_status(facts, as_json=options.json)
    return code


def _replay(options: argparse.Namespace) -> int:
    with command() as work:
        if options.id and options.what == "all":
            raise ConfigurationError(
                "An id names a dead letter or a submission: say `replay dead-letters --id ID` or "
                "`replay rejections --id ID`."
            )
        require_tables(work.engine, derived=work.is_about_one)
        forms = work.forms(options.form)
        if options.id and len(forms.forms) > 1:
            raise ConfigurationError("An id is of one form: say which one with --form.")
        return work.each(forms, partial(_replay_one, options=options))


def _replay_one(form: FormAtHand, options: argparse.Namespace) -> int:
    chosen, engine = form.chosen, form.engine
    mirror = chosen.mirror(engine)
    which = {"ids": options.id, "reason": options.reason}
    fates: list[Fate] = []
    waiting = None
    if options.what != "rejections":
        keep = chosen.settings.kobo_keep_payloads
        fates += _told(replay_dead_letters(engine, mirror, keep, **which), form.voice)
    if options.what != "dead-letters":
        with _bars() as tell:
            syncing = MirrorSync.configured(chosen, form.client, engine, progress=tell)
            found, waiting = replay_rejections(engine, mirror, syncing.ask_again, **which)
        fates += _told(found, form.voice)
    form.voice.say(sentence_of(fates))
    if waiting:
        form.voice.say(str(waiting))
    return 0 if all(fate.is_done for fate in fates) else FAILED


def _told(fates: list[Fate], voice: Voice) -> list[Fate]:
    """Print what became of each now, since what comes after this may fail; return the same list."""
    for fate in fates:
        voice.say(fate.sentence)
    return fates


def _register(options: argparse.Namespace) -> int:
    with command(["REAL_TIME_POST_ENDPOINT_URL"], makes=True) as work:
        with_secret(work.settings)
        migrate(work.engine)
        require_place(work.settings, work.engine, work.file)
        return work.each(work.forms(options.form), _register_one)


def _register_one(form: FormAtHand) -> int:
    form.voice.say(register_form(form.chosen, form.client, form.engine).sentence)
    return 0


def _export(options: argparse.Namespace) -> int:
    from kobo_mirror.cli.export import export

    return export(options)


def _codebook(options: argparse.Namespace) -> int:
    from kobo_mirror.cli.export import codebook

    return codebook(options)


_COMMANDS: Mapping[str, Command] = {
    "migrate": _migrate,
    "sync": _sync,
    "plan": show_plan,
    "apply": apply_plan,
    "verify": _verify,
    "status": _status,
    "replay": _replay,
    "register-webhook": _register,
    "forms": forms,
    "export": _export,
    "codebook": _codebook,
    "run": run,
}
