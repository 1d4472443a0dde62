"""Choosing: which of the forms that are mirrored a command or a task is about, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.config.forms_file import FormsFile
from kobo_mirror.config.names_lock import read_names_lock
from kobo_mirror.config.settings import ASSET_ID, Settings
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import ConfigurationError, KoboMirrorError, NoSuchFormError
from kobo_mirror.forms.mirror import uid_of
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.store.let_go import forget_unread, forms_unread, note_mirrored
from kobo_mirror.store.listings import Standing, standings
from kobo_mirror.sync.chosen import ChosenForm, form_of_environment, named_forms, settings_of, with_keys
from kobo_mirror.sync.discovering import found_forms, known_of_account

Known = Mapping[tuple[str, str], Standing]
"""The forms that a database mirrors, by server and uid."""


@dataclass(frozen=True)
class Chosen:
    """The forms that a command or a task is about.

    :param forms: in the order in which they are worked on.
    :param problem: why there may be further ones that could not be found; None: there are none.
    :param servers: those that they are of, and that of ``discover``.
    :param at: as :attr:`ChosenForm.chosen_at`.
    """

    forms: list[ChosenForm]
    problem: KoboMirrorError | None = None
    servers: frozenset[str] = frozenset()
    at: datetime | None = None


def known_forms(engine: Engine) -> Known:
    """Return the forms that a database mirrors.

    :param engine: the database.
    :raises SchemaError: it lacks our tables.
    """
    with reading(engine) as connection:
        return {(one.server, uid_of(one.asset_uid)): one for one in standings(connection)}


def settings_needed(file: FormsFile) -> tuple[str, ...]:
    """Return the names of the settings of a form or an account that must be set, by what the file says.

    :param file: what ``kobo.yml`` says.
    """
    if not file.names_forms:
        return ("KOBO_TOKEN", "KOBO_ASSET_ID")
    accounts = [*file.entries, *([file.defaults] if file.discover else [])]
    is_needed = any(not (account.token or account.connection) for account in accounts)
    return ("KOBO_TOKEN",) if is_needed else ()


def chosen_forms(
    settings: Settings,
    file: FormsFile,
    known: Known,
    accounts: Accounts | None,
    *,
    further: Iterable[str] = (),
    env: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> Chosen:
    """Return the forms that the settings and ``kobo.yml`` name or discover, smallest and stalest first.

    :param settings: of the process.
    :param file: what ``kobo.yml`` says.
    :param known: the forms that the database mirrors.
    :param accounts: the servers that are asked for what ``discover`` adds; None: of these, only forms that
        the database mirrors.
    :param further: uids of forms that the server was asked for before, where it is not asked now.
    :param env: the variables that hold tokens; None: those of the process.
    :param at: as :attr:`ChosenForm.chosen_at`.
    :raises ConfigurationError: a token is not set, or the file asks for what cannot be.
    """
    forms, problem = named_forms(settings, file, env), None
    servers = {form.server for form in forms}
    if file.discover is not None and accounts is None:
        forms += known_of_account(settings, file, forms, known.values(), further, env=env)
    elif file.discover is not None and accounts is not None:
        found, problem = found_forms(settings, file, accounts, forms, known.values(), env=env)
        forms += found
        servers.add(settings_of(settings, file.defaults, env).kobo_url)
    keyed = with_keys(forms, known.values(), read_names_lock(settings))
    found = sorted(keyed, key=lambda form: _turn(form, known))
    return Chosen([replace(form, chosen_at=at) for form in found], problem, frozenset(servers), at)


def note_choice(engine: Engine, chosen: Chosen, *, among_others: bool) -> None:
    """Note which forms are mirrored, so that the page and the webhook know which no longer are.

    A form of a server that nothing names stays as it is: KOBO_URL may be mistyped.

    Failures of forms that were never read and are not chosen are forgotten: a uid was mistyped.

    :param engine: the database.
    :param chosen: all forms that the settings and ``kobo.yml`` choose; where some may be lacking, nothing is
        noted.
    :param among_others: the database may have several forms.
    """
    if chosen.problem is not None:
        return
    discovered = {form.form_key: form.is_discovered for form in chosen.forms}
    if among_others:
        note_mirrored(engine, discovered, chosen.servers, chosen.at)
    with reading(engine) as connection:
        unread = forms_unread(connection)
    for key in unread - discovered.keys():
        forget_unread(engine, key)


def form_picked(
    settings: Settings,
    file: FormsFile,
    known: Known,
    pick: str,
    *,
    env: Mapping[str, str] | None = None,
    given: str = "--form",
    at: datetime | None = None,
) -> ChosenForm:
    """Return one of the forms, without asking a server whether there is one that ``discover`` would add.

    :param settings: of the process.
    :param file: what ``kobo.yml`` says.
    :param known: the forms that the database mirrors.
    :param pick: as for :func:`picked`.
    :param env: as for :func:`chosen_forms`.
    :param given: by what a person named it.
    :param at: as :attr:`ChosenForm.chosen_at`.
    :raises ConfigurationError: as :func:`chosen_forms` does; or there is no such form.
    """
    if not file.names_forms:
        return require_picked(pick, [form_of_environment(settings, file)], known, given)
    forms = chosen_forms(settings, file, known, None, env=env, at=at).forms
    if not picked(pick, forms, known) and ASSET_ID.fullmatch(uid_of(pick)):
        further = [uid_of(pick)]
        forms = chosen_forms(settings, file, known, None, further=further, env=env, at=at).forms
    return require_picked(pick, forms, known, given)


def picked(pick: str, forms: Sequence[ChosenForm], known: Known) -> list[ChosenForm]:
    """Return the forms that may be meant: one if it is clear, several if several servers have the uid.

    :param pick: a table, a form key or a uid.
    :param forms: all that there are.
    :param known: the forms that the database mirrors.
    """
    tables = {standing.asset_uid for standing in known.values() if standing.table == pick}
    exactly = [form for form in forms if form.form_key in {pick, *tables} or form.wanted.table == pick]
    return exactly or [form for form in forms if form.uid == pick]


def require_picked(pick: str, forms: Sequence[ChosenForm], known: Known, given: str = "--form") -> ChosenForm:
    """Return the form that is meant.

    :param pick: as for :func:`picked`.
    :param forms: all that there are.
    :param known: the forms that the database mirrors.
    :param given: by what a person named it.
    :raises NoSuchFormError: there is no such form.
    :raises ConfigurationError: it is not clear which is meant.
    """
    found = picked(pick, forms, known)
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(f"Several servers have the form {pick}: name it by its table.")
    shown = ", ".join(sorted(form.wanted.table or form.uid for form in forms)[:20]) or "none"
    raise NoSuchFormError(
        f"No form that is mirrored has the table or the uid given with {given}. There are: {shown}."
    )


def name_of(form: ChosenForm, known: Known) -> str:
    """Return what a form is called: its table, or its uid while it has none.

    :param form: one of several.
    :param known: the forms that the database mirrors.
    """
    standing = known.get((form.server, form.uid))
    return standing.table if standing else form.wanted.table or form.form_key


def _turn(form: ChosenForm, known: Known) -> tuple[Any, ...]:
    """Return by what forms are ordered: known ones before new ones, by size, then by age, stalest first."""
    standing = known.get((form.server, form.uid))
    if standing is None:
        return True, 0, "", form.uid
    pages = standing.submissions // form.settings.kobo_page_size
    return False, pages.bit_length(), str(standing.asked_at or ""), form.uid
