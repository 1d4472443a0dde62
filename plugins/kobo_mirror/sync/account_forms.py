"""Account forms: the forms that an account has, which are mirrored, and how one is named in a file."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from kobo_mirror.config.forms_editing import NewEntry, lines_of, with_entries, write_forms_file
from kobo_mirror.config.forms_file import FormEntry, FormsFile, read_forms_file
from kobo_mirror.config.names_lock import read_names_lock
from kobo_mirror.config.settings import DEFAULT_FORMS_FILE, SET_IT, Settings
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.mirror import uid_of
from kobo_mirror.forms.names_lock import locked_form
from kobo_mirror.forms.naming import form_name, is_form_name, is_free
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.kobo.form_info import ListedForm
from kobo_mirror.store.account_listing import AccountForm
from kobo_mirror.store.catalog import claimed_names
from kobo_mirror.store.listings import Standing, standings
from kobo_mirror.store.schema import at_head
from kobo_mirror.sync.chosen import names_of, settings_of
from kobo_mirror.sync.discovering import fits


def file_to_edit(name: str) -> FormsFile:
    """Return what a file says to which forms may be added; one that is not there yet says nothing.

    :param name: its path.
    :raises ConfigurationError: it is malformed.
    """
    if name == DEFAULT_FORMS_FILE or Path(name).exists():
        return read_forms_file(Settings(kobo_forms_file=name))
    return FormsFile(name)


class Added(NamedTuple):
    """What has become of forms that were to be named.

    :param entries: those that the file names now.
    :param known: the uids of those that were named before.
    """

    entries: list[NewEntry]
    known: list[str]


@dataclass(frozen=True)
class AccountForms:
    """The forms of an account beside the file and the database.

    :param settings: of the process.
    :param file: what ``kobo.yml`` says.
    :param engine: the database, where one is set and has our tables.
    :param without_tables: the database that is set and does not have them yet; None: there is none.
    """

    settings: Settings
    file: FormsFile
    engine: Engine | None
    without_tables: Engine | None = None

    @classmethod
    def of(cls, settings: Settings, file: FormsFile, database: Engine | None) -> AccountForms:
        """Return the forms of an account beside a database, whether it has our tables yet or not.

        :param settings: of the process.
        :param file: what ``kobo.yml`` says.
        :param database: the database that is set; None: there is none.
        :raises DatabaseError: it cannot be asked.
        """
        if database is None or at_head(database):
            return cls(settings, file, database)
        return cls(settings, file, None, without_tables=database)

    @property
    def account(self) -> Settings:
        """The settings with server and token of the account."""
        return settings_of(self.settings, self.file.defaults)

    def listed(self) -> list[ListedForm]:
        """Return the forms that the account shows, those that take submissions first."""
        account, names = self.account, names_of(self.file.defaults, is_discovered=True)
        with Accounts(max_in_flight=1) as accounts:
            found = list(accounts.account(account.kobo_url, account.kobo_token, names).forms())
        return sorted(found, key=lambda form: (not form.is_deployed, form.name.casefold(), form.uid))

    def everywhere(self) -> list[Standing]:
        """Return the forms that the database has, of whatever server."""
        if self.engine is None:
            return []
        with reading(self.engine) as connection:
            return standings(connection)

    def account_of(self, server: str, uid: str, entry: FormEntry | None) -> Settings:
        """Return the settings with the account that asks for one form.

        :param server: address of its server.
        :param uid: of the form.
        :param entry: what the file says of it; None: nothing.
        :raises ConfigurationError: nothing names an account of that server, or its token is not set.
        """
        account = settings_of(self.settings, entry or replace(self.file.defaults, uid=uid))
        if account.kobo_url != server:
            raise ConfigurationError(f"{self.file.file} and KOBO_URL name no account at {server}.")
        if not account.kobo_token:
            raise ConfigurationError(f"KOBO_TOKEN is not set. {SET_IT}")
        return replace(account, kobo_asset_id=uid)

    def mirrored(self) -> dict[str, Standing]:
        """Return the forms of this account's server that the database has, by uid."""
        url = self.account.kobo_url
        return {uid_of(one.asset_uid): one for one in self.everywhere() if one.server == url}

    def named(self) -> set[str]:
        """Return the uids that are named, by the file or by ``KOBO_ASSET_ID``."""
        uids = {entry.uid for entry in self.file.entries if entry.server in ("", self.account.kobo_url)}
        is_of_server = self.settings.kobo_url == self.account.kobo_url
        return (uids | ({self.settings.kobo_asset_id} if is_of_server else set())) - {""}

    def described(self, listed: Sequence[ListedForm]) -> list[AccountForm]:
        """Return how each form stands here, with the lines that would name it.

        :param listed: of the account.
        """
        mirrored, named, discover = self.mirrored(), self.named(), self.file.discover
        chosen = named | {
            form.uid
            for form in listed
            if discover is not None and fits(form, discover, is_known=form.uid in mirrored)
        }
        entries = {one.uid: one for one in self._entries(form for form in listed if form.uid not in chosen)}
        return [
            AccountForm(
                server=self.account.kobo_url,
                uid=form.uid,
                name=form.name,
                status=(form.status or ("deployed" if form.has_deployment else "draft"))[:20],
                submissions=form.submission_count,
                last_submission=form.last_submission,
                owner=form.owner,
                is_mirrored=form.uid in chosen,
                form_table=mirrored[form.uid].table if form.uid in mirrored else None,
                entry="\n".join(lines_of([entries[form.uid]])) if form.uid in entries else None,
            )
            for form in listed
        ]

    def add(self, listed: Sequence[ListedForm], uids: Collection[str] = ()) -> Added:
        """Name forms in the file.

        :param listed: of the account.
        :param uids: of the forms; none: all that take submissions and are not named.
        :returns: which were added, and which were there.
        :raises ConfigurationError: the account has no such form, or it cannot be mirrored yet, or the file
            cannot be edited: then the sentence has the lines to add.
        """
        named, by_uid = self.named(), {form.uid: form for form in listed}
        wanted, known = [], []
        for uid in uids or [form.uid for form in listed if form.is_deployed and form.uid not in named]:
            if uid not in by_uid:
                raise ConfigurationError(
                    f"The account shows no form {uid} at {self.account.kobo_url}: "
                    "`python -m kobo_mirror forms` lists those that it does."
                )
            if not by_uid[uid].has_deployment:
                raise ConfigurationError(
                    f"The form {uid} is not deployed yet: deploy it in KoboToolbox first."
                )
            if uid in named:
                known.append(uid)
            else:
                wanted.append(by_uid[uid])
        entries = self._entries(wanted)
        if entries:
            self._write(entries)
        return Added(entries, known)

    def _write(self, entries: list[NewEntry]) -> None:
        file = self.file.file
        try:
            write_forms_file(file, with_entries(file, text_of(file), entries))
        except ConfigurationError as error:
            told = "\n".join(["forms:", *lines_of(entries)])
            raise ConfigurationError(f"{error} These are the lines to add:\n{told}") from None

    def _entries(self, wanted: Iterable[ListedForm]) -> list[NewEntry]:
        """Return entries with the tables that the forms have, or with names that are free."""
        mirrored, taken, locks = self.mirrored(), self._taken(), read_names_lock(self.settings)
        entries = []
        for form in wanted:
            has, lock = mirrored.get(form.uid), locked_form(locks, form.uid)
            if has is not None:
                table = has.table
            elif lock is not None and is_form_name(lock.name) and is_free(lock.name, taken):
                table = lock.name
            else:
                table = _free_name(form, taken)
            taken.add(table)
            entries.append(NewEntry(form.uid, table, form.name))
        return entries

    def _taken(self) -> set[str]:
        """Return the names that no new form can have, as the check of the sync has them."""
        names = {entry.table for entry in self.file.entries if entry.table} | {FORM.table}
        for engine in filter(None, (self.engine, self.without_tables)):
            with reading(engine) as connection:
                names |= dialect_of(connection).stored_tables(connection).keys()
        if self.engine is not None:
            with reading(self.engine) as connection:
                names |= claimed_names(connection).keys()
        return names

    def is_writable(self) -> bool:
        """Return True if this process may write the file: it is replaced by another one beside it."""
        folder = Path(self.file.file).resolve().parent
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _free_name(form: ListedForm, taken: Collection[str]) -> str:
    """Return a name that a person may ask for, too: one that begins with ``kobo_`` is not among these."""
    name = form_name(form.name, form.uid, taken)
    return name if is_form_name(name) else form_name(f"form_{form.name}", form.uid, taken)


def text_of(file: str) -> str:
    """Return the content of a file; nothing where it is not there.

    :param file: its path.
    """
    with suppress(FileNotFoundError):
        return Path(file).read_bytes().decode()
    return ""
