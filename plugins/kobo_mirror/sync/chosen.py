"""Chosen forms: which forms are mirrored, by the settings and ``kobo.yml``, and what is asked for each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Engine

from kobo_mirror.config.forms_file import FormEntry, FormsFile, check_differing, read_forms_file
from kobo_mirror.config.names_lock import LockedForm, read_names_lock
from kobo_mirror.config.setting_names import OF_ENVIRONMENT, SettingNames
from kobo_mirror.config.settings import SET_IT, Settings
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.mirror import Mirror, uid_of
from kobo_mirror.forms.names_lock import locked_form
from kobo_mirror.forms.wanted import WantedForm, wanted_form
from kobo_mirror.store.listings import Standing
from kobo_mirror.store.mirrors import load_mirror


@dataclass(frozen=True)
class ChosenForm:
    """A form that is mirrored.

    :param settings: those of the process, with the form's own server, token and uid.
    :param wanted: what ``kobo.yml`` asks for it.
    :param lock: the names that ``names.lock.yml`` has of it; None: it has none.
    :param among_others: it may be a further one of a database that mirrors others.
    :param key: by which the database has it, or is to have it; empty: by its uid.
    :param has_own_path: its deliveries are posted to a path and with a secret of its own.
    :param entry: what ``kobo.yml`` says of it, or of all forms that it does not name.
    :param is_discovered: nothing but ``discover`` chooses it.
    :param problem: why its account cannot be told, so that it fails and the others go on; None: it can.
    :param chosen_at: by the database's clock (UTC), before ``kobo.yml`` was read; None: it was not asked.
    """

    settings: Settings
    wanted: WantedForm
    lock: LockedForm | None = None
    among_others: bool = False
    key: str = ""
    has_own_path: bool = False
    entry: FormEntry = field(default_factory=FormEntry, repr=False)
    is_discovered: bool = False
    problem: ConfigurationError | None = None
    chosen_at: datetime | None = None

    @property
    def uid(self) -> str:
        """The form's uid."""
        return self.settings.kobo_asset_id

    @property
    def form_key(self) -> str:
        """The form key, by which all bookkeeping has it."""
        return self.key or self.uid

    @property
    def server(self) -> str:
        """Address of its server."""
        return self.settings.kobo_url

    @property
    def names(self) -> SettingNames:
        """The names of the settings that give the form and its account."""
        return names_of(self.entry, is_discovered=self.is_discovered) if self.has_own_path else OF_ENVIRONMENT

    def require_account(self) -> None:
        """Check that it is told which account asks for the form.

        :raises ConfigurationError: the variable of its token is not set.
        """
        if self.problem is not None:
            raise self.problem

    def mirror(self, engine: Engine) -> Mirror:
        """Return the form with the tables that it has now.

        :param engine: the database.
        :raises SchemaError: the database mirrors another form, or lacks our tables.
        """
        return load_mirror(engine, self.server, self.form_key, among_others=self.among_others)


def names_of(entry: FormEntry, *, is_discovered: bool = False) -> SettingNames:
    """Return the names of the settings that give a form beside that of ``KOBO_ASSET_ID``.

    :param entry: what ``kobo.yml`` says of it.
    :param is_discovered: nothing but ``discover`` chooses it.
    """
    here = OF_ENVIRONMENT
    token = here.token if entry.connection or not entry.token else entry.token
    uid = f"discover in {entry.file}" if is_discovered else f"uid in {entry.place('uid')}"
    return SettingNames(token, uid, f"server in {entry.place('server')}" if entry.server else here.server)


def names_in(settings: Settings, file: FormsFile, server: str, uid: str) -> SettingNames:
    """Return the names of the settings that give a form of the database and its account.

    :param settings: the settings of this process.
    :param file: what ``kobo.yml`` says.
    :param server: address of the form's server.
    :param uid: of the form.
    """
    if not file.names_forms or (server, uid) == (settings.kobo_url, settings.kobo_asset_id):
        return OF_ENVIRONMENT
    for entry in file.entries:
        if (entry.server or settings.kobo_url, entry.uid) == (server, uid):
            return names_of(entry)
    return names_of(file.defaults, is_discovered=True)


def form_of_environment(settings: Settings, file: FormsFile | None = None) -> ChosenForm:
    """Return the form that ``KOBO_ASSET_ID`` names, with what ``kobo.yml`` asks for it.

    :param settings: the settings of this process.
    :param file: the file; None: it is read.
    :raises ConfigurationError: the file is malformed.
    """
    file = read_forms_file(settings) if file is None else file
    about = [entry for entry in file.entries if _is_of_environment(entry, settings)]
    if len(about) > 1:
        raise ConfigurationError(
            f"{about[1].place()}: this is the form of KOBO_ASSET_ID, and so is that of line "
            f"{about[0].lines[()]}: leave one out."
        )
    entry = about[0] if about else replace(file.defaults, server="", token="")
    return ChosenForm(
        settings,
        wanted_form(entry, _others(entry, file.entries)),
        locked_form(read_names_lock(settings), settings.kobo_asset_id),
        file.names_forms,
        entry=entry,
    )


def named_forms(
    settings: Settings, file: FormsFile, env: Mapping[str, str] | None = None
) -> list[ChosenForm]:
    """Return the form of ``KOBO_ASSET_ID``, if it is set, and those that ``kobo.yml`` names, in its order.

    :param settings: the settings of this process.
    :param file: the file.
    :param env: the variables that hold tokens; None: those of the process.
    :raises ConfigurationError: the file asks for what cannot be.
    """
    found = [form_of_environment(settings, file)] if settings.kobo_asset_id else []
    further = [entry for entry in file.entries if not _is_of_environment(entry, settings)]
    for entry in further:
        if not entry.uid:
            raise ConfigurationError(
                f"{entry.place()}: uid is missing: only the form of KOBO_ASSET_ID may go without."
            )
    check_differing(further, settings.kobo_url)
    return found + further_forms(settings, file, further, env)


def named_tables(settings: Settings) -> dict[str, str]:
    """Return the forms of ``KOBO_ASSET_ID`` and ``kobo.yml``, with the tables that are asked for.

    :param settings: the settings of this process.
    :returns: by uid; empty where no table is asked for.
    :raises ConfigurationError: the file is malformed.
    """
    entries = read_forms_file(settings).entries
    own = {settings.kobo_asset_id: ""} if settings.kobo_asset_id else {}
    asked = {entry.uid or settings.kobo_asset_id: entry.table for entry in entries}
    return {uid: table for uid, table in (own | asked).items() if uid}


def further_forms(
    settings: Settings, file: FormsFile, entries: Sequence[FormEntry], env: Mapping[str, str] | None = None
) -> list[ChosenForm]:
    """Return forms beside that of ``KOBO_ASSET_ID``.

    :param settings: the settings of this process.
    :param file: the file.
    :param entries: what is asked for each of them, with its uid.
    :param env: as for :func:`named_forms`.
    :raises ConfigurationError: the file asks for what cannot be.
    """
    locks = read_names_lock(settings)
    found = []
    for entry in entries:
        problem = None
        try:
            own = settings_of(settings, entry, env)
        except ConfigurationError as error:
            own, problem = settings_of(settings, replace(entry, token="", connection=""), env), error
        form = ChosenForm(
            replace(own, kobo_token="") if problem else own,
            wanted_form(
                entry,
                _others(entry, file.entries),
                may_be_declared=False,
                schedules=file.schedules_of(entry),
            ),
            locked_form(locks, entry.uid),
            among_others=True,
            has_own_path=True,
            entry=entry,
            problem=problem,
        )
        found.append(form)
    return found


def with_keys(
    forms: Iterable[ChosenForm], mirrored: Iterable[Standing], locks: Sequence[LockedForm] = ()
) -> list[ChosenForm]:
    """Return the forms with the keys that the database has them by, or is to have new ones by.

    A form has its uid, unless the form of that uid of another server has it: then ``uid~2``, and so on. What
    is there is never given another key.

    :param forms: of one database.
    :param mirrored: the forms that it has.
    :param locks: what ``names.lock.yml`` says, by form key.
    """
    keys = {(one.server, uid_of(one.asset_uid)): one.asset_uid for one in mirrored}
    found = []
    for form in forms:
        place = form.server, form.uid
        if place not in keys:
            further = (form.uid, *(f"{form.uid}~{number}" for number in range(2, len(keys) + 3)))
            keys[place] = next(key for key in further if key not in keys.values())
        key = keys[place]
        lock = form.lock if key == form.uid else locked_form(locks, key)
        found.append(replace(form, key=key, lock=lock))
    return found


def settings_of(settings: Settings, entry: FormEntry, env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a process with the server, the token and the uid of one form.

    :param settings: the settings of this process.
    :param entry: what the file says of the form.
    :param env: as for :func:`named_forms`.
    :raises ConfigurationError: its token is not set.
    """
    token, name = settings.kobo_token, entry.token
    if entry.connection and not name:
        raise ConfigurationError(
            f"{entry.place('connection')}: the account is a connection of Airflow, which only that reads: "
            "for the command line add token, the name of an environment variable."
        )
    if name:
        token = (os.environ if env is None else env).get(name, "").strip()
        if not token:
            raise ConfigurationError(
                f"{entry.place('token')}: the environment variable {name} is not set. {SET_IT}"
            )
    return replace(
        settings, kobo_url=entry.server or settings.kobo_url, kobo_token=token, kobo_asset_id=entry.uid
    )


def _is_of_environment(entry: FormEntry, settings: Settings) -> bool:
    uid = settings.kobo_asset_id
    return bool(uid) and entry.uid in ("", uid) and entry.server in ("", settings.kobo_url)


def _others(entry: FormEntry, entries: Iterable[FormEntry]) -> Iterable[FormEntry]:
    return (other for other in entries if other is not entry)
