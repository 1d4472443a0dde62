"""Discovering: which forms of an account are mirrored without being named in ``kobo.yml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kobo_mirror.config.forms_file import Discover, FormsFile
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.forms.mirror import uid_of
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.kobo.form_info import ListedForm
from kobo_mirror.store.listings import Standing
from kobo_mirror.sync.chosen import ChosenForm, further_forms, names_of, settings_of


def found_forms(
    settings: Settings,
    file: FormsFile,
    accounts: Accounts,
    named: Sequence[ChosenForm],
    mirrored: Iterable[Standing],
    *,
    env: Mapping[str, str] | None = None,
) -> tuple[list[ChosenForm], KoboMirrorError | None]:
    """Return the forms that ``discover`` adds, and why the account's forms could not be listed.

    A form that was discovered before stays one of them even if it is archived, or if the list lacks it: it
    may be deleted or out of this account's sight, and its sync says which. One that the list shows and that
    is no longer one of those to mirror is let go; so is one that was named once, and that the list lacks.

    :param settings: the settings of this process.
    :param file: what ``kobo.yml`` says.
    :param accounts: the servers that are asked.
    :param named: the forms that are mirrored anyway.
    :param mirrored: the forms that the database has.
    :param env: the variables that hold tokens; None: those of the process.
    :returns: the forms; and None where the list could be read.
    :raises ConfigurationError: the account's token is not set.
    """
    discover = file.discover or Discover()
    account = settings_of(settings, file.defaults, env)
    names = names_of(file.defaults, is_discovered=True)
    here = [one for one in mirrored if one.server == account.kobo_url]
    try:
        listed = list(accounts.account(account.kobo_url, account.kobo_token, names).forms())
    except KoboMirrorError as error:
        problem = type(error)(f"The forms of the account cannot be listed, so none is discovered: {error}")
        return known_of_account(settings, file, named, here, env=env), problem
    known, shown = {uid_of(one.asset_uid) for one in here}, {form.uid for form in listed}
    fitting = [form.uid for form in listed if fits(form, discover, is_known=form.uid in known)]
    unlisted = [one for one in here if uid_of(one.asset_uid) not in shown]
    return known_of_account(settings, file, named, unlisted, fitting, env=env), None


def known_of_account(
    settings: Settings,
    file: FormsFile,
    named: Sequence[ChosenForm],
    mirrored: Iterable[Standing],
    further: Iterable[str] = (),
    *,
    env: Mapping[str, str] | None = None,
) -> list[ChosenForm]:
    """Return the forms that ``discover`` has added before, and some further ones, without asking the server.

    :param settings: as for :func:`found_forms`.
    :param file: as for :func:`found_forms`.
    :param named: as for :func:`found_forms`.
    :param mirrored: as for :func:`found_forms`.
    :param further: uids of further forms of the account.
    :param env: as for :func:`found_forms`.
    :raises ConfigurationError: the account's token is not set.
    """
    url = settings_of(settings, file.defaults, env).kobo_url
    excluded = file.discover.exclude if file.discover else frozenset()
    left_out = excluded | {form.uid for form in named if form.server == url}
    uids = [uid_of(one.asset_uid) for one in mirrored if one.server == url and _stays(one)]
    found = [uid for uid in dict.fromkeys([*uids, *further]) if uid not in left_out]
    forms = further_forms(settings, file, [replace(file.defaults, uid=uid) for uid in found], env)
    return [replace(form, is_discovered=True) for form in forms]


def _stays(form: Standing) -> bool:
    """Return True unless a form was let go, or was named when it was last read."""
    return not form.is_let_go and form.is_discovered is not False


def fits(form: ListedForm, discover: Discover, *, is_known: bool = False) -> bool:
    """Return True if a form of the account is one of those to mirror.

    :param form: as the list shows it.
    :param discover: which forms are.
    :param is_known: the database has it: it need not take submissions any longer.
    """
    return (
        (form.is_deployed or is_known)
        and form.uid not in discover.exclude
        and discover.tag in ("", *form.tags)
        and discover.owner in ("", form.owner)
    )
