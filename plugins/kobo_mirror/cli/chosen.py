"""The forms that a command is about: those that the settings and ``kobo.yml`` choose, each in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection, Engine

from kobo_mirror.cli.voice import FAILED, Voice, code_of
from kobo_mirror.cli.wiring import Sleep, engine_of
from kobo_mirror.config.forms_file import FormsFile, read_forms_file
from kobo_mirror.config.settings import DEFAULT_FORMS_FILE, Settings
from kobo_mirror.database.engine import moment_of, read, reading
from kobo_mirror.errors import ConfigurationError, KoboMirrorError, naming_faults
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.store.listings import table_of
from kobo_mirror.sync.choosing import (
    Chosen,
    chosen_forms,
    known_forms,
    picked,
    require_picked,
    settings_needed,
)
from kobo_mirror.sync.chosen import ChosenForm, form_of_environment, named_forms
from kobo_mirror.sync.failure_notes import note_not_started, noting_not_started

_DATABASE = "DATABASE_URL"


@dataclass(frozen=True)
class FormAtHand:
    """A form that a command is about.

    :param chosen: with its settings.
    :param engine: the database.
    :param accounts: the servers that are asked.
    :param voice: prints what is said of it.
    """

    chosen: ChosenForm
    engine: Engine
    accounts: Accounts
    voice: Voice

    @cached_property
    def client(self) -> KoboClient:
        """What asks its server; its connections are shared with other forms, and closed with them.

        :raises ConfigurationError: it is not told which account asks for the form.
        """
        self.chosen.require_account()
        settings = self.chosen.settings
        account = settings.kobo_url, settings.kobo_token
        return self.accounts.form(*account, self.chosen.uid, self.chosen.form_key, self.chosen.names)

    def noting_not_started(self, run: str) -> AbstractContextManager[None]:
        """Note a run of the form as failed if the block fails.

        :param run: the run's name.
        :returns: a context whose block asks for the form.
        """
        chosen = self.chosen
        return noting_not_started(self.engine, run, chosen.form_key, among_others=chosen.among_others)


Work = Callable[[FormAtHand], int]
"""Does what a command does with one form; returns the exit code."""


@dataclass(frozen=True)
class Command:
    """What a command works with.

    :param settings: of the process.
    :param file: what ``kobo.yml`` says.
    :param engine: the database.
    :param accounts: the servers that are asked.
    :param run: as for :func:`command`.
    :param at: when the file was read, as :attr:`ChosenForm.chosen_at`.
    """

    settings: Settings
    file: FormsFile
    engine: Engine
    accounts: Accounts
    run: str | None = None
    at: datetime | None = None

    def anew(self) -> Command:
        """Return it with ``kobo.yml`` as it is now, so that what is let go from now on is left out.

        :raises ConfigurationError: the file is malformed.
        :raises DatabaseError: the database cannot be asked what time it is.
        """
        at = read(self.engine, moment_of)
        return replace(self, file=read_forms_file(self.settings), at=at)

    def _noting(self) -> AbstractContextManager[None]:
        """Note a run that fails since ``kobo.yml`` or ``names.lock.yml`` asks for what cannot be."""
        if self.run is None:
            return nullcontext()
        return noting_not_started(
            self.engine, self.run, self.settings.kobo_asset_id if self.is_about_one else None
        )

    @property
    def is_about_one(self) -> bool:
        """True if ``KOBO_ASSET_ID`` alone says which form is mirrored."""
        return not self.file.names_forms

    def forms(self, pick: str | None = None) -> Chosen:
        """Return the forms to work on, smallest and stalest first.

        :param pick: the table or the uid of the only one that is meant; None: all.
        :raises ConfigurationError: a token is not set, or there is no such form.
        :raises SchemaError: the database lacks our tables.
        """
        if self.is_about_one:
            with self._noting():
                form = form_of_environment(self.settings, self.file)
            if pick not in (None, form.uid, form.wanted.table):
                require_picked(pick, [form], known_forms(self.engine))
            return Chosen([form])
        known = known_forms(self.engine)
        with self._noting():
            named = named_forms(self.settings, self.file)
        is_named = pick is not None and bool(picked(pick, named, known))
        accounts = None if is_named else self.accounts
        chosen = chosen_forms(self.settings, self.file, known, accounts, at=self.at)
        return chosen if pick is None else Chosen([require_picked(pick, chosen.forms, known)])

    def each(self, chosen: Chosen, work: Work, *, failed: int = FAILED) -> int:
        """Do the work for each form; one that fails is named, and the others go on.

        :param chosen: what :meth:`forms` returned.
        :param work: is done for each.
        :param failed: the exit code for a form that fails, but for one that could not be tried.
        :returns: the exit code of the worst.
        :raises KoboMirrorError: the only form failed, of a process that mirrors one.
        """
        if self.is_about_one:
            return work(self._at_hand(chosen.forms[0], Voice()))
        codes = [self._code(form, work, failed) for form in chosen.forms]
        if chosen.problem is not None:
            Voice().complain(chosen.problem)
            codes.append(code_of(chosen.problem, failed))
        return max(codes, default=0)

    def _code(self, form: ChosenForm, work: Work, failed: int) -> int:
        at_hand = self.at_hand(form)
        try:
            with naming_faults():
                return work(at_hand)
        except KoboMirrorError as error:
            at_hand.voice.complain(f"{error}{self._what_stays(form)}")
            return code_of(error, failed)

    def pick_by(
        self, pick: str | None, code: str | None, owner: Callable[[Connection, str], str | None]
    ) -> str | None:
        """Return the form that is meant by a code, where several are mirrored and none is named.

        :param pick: the form that is named; None: none is.
        :param code: the code; None: none is given.
        :param owner: finds the form key of a code.
        :raises ConfigurationError: no form has the code.
        """
        if pick is not None or code is None or self.is_about_one:
            return pick
        with reading(self.engine) as connection:
            found = owner(connection, code) if code.isascii() else None
        if found is None:
            raise ConfigurationError(
                "No form has the code that was given: `python -m kobo_mirror status` shows which codes wait."
            )
        return found

    def at_hand(self, form: ChosenForm) -> FormAtHand:
        """Return a form with what a command needs to work on it.

        :param form: one of several.
        """
        facts = {"asset_uid": form.form_key, "server": form.server}
        return self._at_hand(form, Voice(lambda: self.name_of(form), facts))

    def name_of(self, form: ChosenForm) -> str:
        """Return what a form is called: its table, or its uid while it has none.

        :param form: one of several.
        """
        return self._table_of(form) or form.wanted.table or form.uid

    def _at_hand(self, form: ChosenForm, voice: Voice) -> FormAtHand:
        return FormAtHand(form, self.engine, self.accounts, voice)

    def _table_of(self, form: ChosenForm) -> str | None:
        with suppress(KoboMirrorError), reading(self.engine) as connection:
            return table_of(connection, form.server, form.form_key)
        return None

    def _what_stays(self, form: ChosenForm) -> str:
        return " Its tables stay as they are." if self._table_of(form) else ""


@contextmanager
def command(
    need: Sequence[str] = (),
    sleep: Sleep = time.sleep,
    *,
    run: str | None = None,
    makes: bool = False,
) -> Iterator[Command]:
    """Open what a command works with.

    :param need: names of further variables that must be set.
    :param sleep: waits between two attempts of a request, for the seconds given.
    :param run: what a run is called that fails since ``kobo.yml`` is malformed; None: nothing is noted.
    :param makes: the command makes our tables, and the database's file, where they are missing.
    :returns: a context with it.
    :raises MissingTablesError: there is no such file, and the command makes none.
    :raises ConfigurationError: settings are missing or malformed, or ``kobo.yml`` is.
    """
    settings, file = settings_and_file(need, run=run)
    with Accounts(max_in_flight=settings.kobo_max_in_flight, sleep=sleep) as accounts:
        yield Command(settings, file, engine_of(settings, must_exist=not makes), accounts, run)


def settings_and_file(need: Sequence[str] = (), *, run: str | None = None) -> tuple[Settings, FormsFile]:
    """Return the settings, which need no form and no token where ``kobo.yml`` names them, and that file.

    :param need: names of further variables that must be set.
    :param run: as for :func:`command`.
    :raises ConfigurationError: settings are missing or malformed, or ``kobo.yml`` is.
    """
    name = os.environ.get("KOBO_FORMS_FILE", "").strip() or DEFAULT_FORMS_FILE
    try:
        file = read_forms_file(Settings(kobo_forms_file=name))
    except ConfigurationError as error:
        if run is not None:
            settings = Settings.from_env([_DATABASE])
            note_not_started(engine_of(settings), run, error)
        raise
    return Settings.from_env([_DATABASE, *settings_needed(file), *need]), file
