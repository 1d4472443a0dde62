"""All that the page shows of one form."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi.encoders import jsonable_encoder
from sqlalchemy import Connection

from kobo_mirror.airflow.page import access, contents, form_history, schemas, view_models
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import listings
from kobo_mirror.store.arrivals import lags_of
from kobo_mirror.store.overview import MirrorState, read_state
from kobo_mirror.store.shown_runs import recent_runs, run_named

RUNS, REJECTIONS, LETTERS, DAYS = 20, 50, 20, 30
"""So many are shown at once."""


class Places(NamedTuple):
    """Where the parts of long lists begin that are shown.

    :param rejections: of the rejections only those with a higher ``_id``.
    :param letters: of the dead letters only those with a higher id.
    :param cells: of the rejected cells only those after this place.
    :param history: of the form's history leave out so many of the newest entries.
    """

    rejections: int
    letters: int
    cells: str | None
    history: int


def overview(connection: Connection, bound: listings.BoundForm, state: MirrorState) -> schemas.Overview:
    """Return a form and its mirror as they are shown.

    :param connection: an open transaction.
    :param bound: the form.
    :param state: what is known of its mirror.
    """
    lags = lags_of(connection, bound.asset_uid)
    secret = access.shown_secrets()(bound.asset_uid, state.registrations)
    return view_models.overview_of(bound, state, lags, secret)


def seen(
    connection: Connection, bound: listings.BoundForm, run: str | None, after: Places, *, answers: bool
) -> dict[str, Any]:
    """Return all that the page shows of a form, read in one transaction.

    :param connection: an open transaction.
    :param bound: the form.
    :param run: the name of a run that is shown on its own, too.
    :param after: where long lists begin.
    :param answers: with the answers of respondents.
    """
    asset = bound.asset_uid
    state = read_state(connection, FORM, asset, columns=contents.kept_columns)
    rejected = listings.rejected_submissions(
        connection, asset, after=after.rejections, limit=REJECTIONS + 1, answers=answers
    )
    letters = listings.waiting_dead_letters(
        connection, asset, after=after.letters, limit=LETTERS + 1, answers=answers
    )
    cells = contents.cells_of(connection, asset, after.cells, contents.CELLS + 1, answers=answers)
    named = run_named(connection, asset, run) if run else None
    return {
        "form": overview(connection, bound, state),
        "name": listings.name_of(connection, asset),
        "days": jsonable_encoder(view_models.days_of(connection, asset, state.moment, DAYS)),
        "rejections": view_models.rejections_of(rejected[:REJECTIONS]),
        "letters": view_models.letters_of(letters[:LETTERS]),
        "cells": cells[: contents.CELLS],
        "more": {
            "rejections": len(rejected) > REJECTIONS,
            "letters": len(letters) > LETTERS,
            "cells": len(cells) > contents.CELLS,
        },
        "after": {
            "rejections": after.rejections,
            "letters": after.letters,
            "cells": int(after.cells is not None),
        },
        "runs": [view_models.run_of(row) for row in recent_runs(connection, asset, RUNS)],
        "found_run": view_models.run_of(named) if named else None,
        "answers": answers,
        **contents.seen(connection, bound),
        **form_history.seen(connection, asset, state.open_plan, after.history),
    }
