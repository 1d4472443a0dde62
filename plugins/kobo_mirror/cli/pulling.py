"""What the second process of a sync does: pull the lanes that it is told of."""

from __future__ import annotations

from kobo_mirror.cli.wiring import engine_of
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.sync.chosen import ChosenForm
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.second_process import Part
from kobo_mirror.sync.source import Progress


def pull_part(part: Part, progress: Progress) -> None:
    """Pull a part with connections of its own; the tables of the form are there.

    :param part: the part.
    :param progress: is told how far it is.
    :raises KoboMirrorError: as ``MirrorSync.pull`` does.
    """
    settings, form_key, among_others = part.form
    chosen = ChosenForm(settings, WantedForm(), among_others=among_others, key=form_key)
    engine = engine_of(settings)
    with Accounts(max_in_flight=part.in_flight) as accounts:
        client = accounts.form(settings.kobo_url, settings.kobo_token, chosen.uid, form_key)
        syncing = MirrorSync.configured(chosen, client, engine, in_flight=part.in_flight, progress=progress)
        syncing.pull(part.run_handle, part.lanes)
    engine.dispose()
