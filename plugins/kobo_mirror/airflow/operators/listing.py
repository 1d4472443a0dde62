"""The task that stands in the map for a list of the account's forms that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kobo_mirror.airflow.chosen_forms import described, known_or_none

if TYPE_CHECKING:
    from sqlalchemy import Engine

DISCOVER = "discover:"
"""Stands for a form in the map where the account's forms could not be listed: that task lists them again."""


def list_again(kobo_conn_id: str, engine: Engine) -> str:
    """List the forms of the account once more, after that has failed.

    :param kobo_conn_id: the connection of all forms that name no other account.
    :param engine: the database.
    :returns: a sentence.
    :raises KoboMirrorError: they cannot be listed.
    """
    from kobo_mirror.kobo.accounts import Accounts
    from kobo_mirror.sync.choosing import chosen_forms

    settings, file, tokens = described(kobo_conn_id)
    with Accounts(max_in_flight=1) as accounts:
        problem = chosen_forms(settings, file, known_or_none(engine), accounts, env=tokens).problem
    if problem is not None:
        raise problem
    return "The forms of the account could be listed now: the next run takes those that are new."
