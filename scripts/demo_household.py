"""The household form of `make demo` and `make up`: a further form in the same database, by a ``kobo.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from sqlalchemy import Engine
from stack import ROOT

from kobo_mirror.config.forms_file import read_forms_file
from kobo_mirror.config.settings import Settings
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.sync.chosen import named_forms
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.register import register_form
from kobo_mirror.sync.verify import Report, verify
from simulator.control_client import SimulatorControl
from simulator.options import HOUSEHOLD_ASSET, HOUSEHOLD_FILE

ROWS, PUSHED, DELETED = 400, 20, 4
BOTH_FORMS = ("--survey", f"--form={HOUSEHOLD_FILE}")
"""Options by which the simulator serves the survey and this form."""
FORMS_FILE = str(ROOT / "forms" / "demo.yml")


class Household:
    """The mirror of the form, as ``python -m kobo_mirror --form households`` has it.

    :param engine: the database.
    :param env: the settings, with the file among them.
    """

    def __init__(self, engine: Engine, env: Mapping[str, str]) -> None:
        settings = Settings.from_env(env=env)
        found = named_forms(settings, read_forms_file(settings), env)
        self._engine, self._form = engine, next(form for form in found if form.uid == HOUSEHOLD_ASSET)

    def sync(self) -> str:
        """Sync the form; return what was done.

        :raises KoboMirrorError: it fails.
        """
        with self._client() as client:
            done = MirrorSync.configured(self._form, client, self._engine).run(name="demo")
        return str(done["sentence"])

    def register(self) -> str:
        """Have the form's submissions posted to the path of the form; return what was done.

        :raises KoboMirrorError: it fails.
        """
        with self._client() as client:
            return register_form(self._form, client, self._engine).sentence

    def push(self) -> None:
        """Create submissions on the server, and wait until they are delivered."""
        with closing(self._control()) as control:
            control.create(PUSHED)
            control.wait_deliveries()

    def change(self) -> str:
        """Change submissions on the server, which tells the webhook of none; return what was done."""
        with closing(self._control()) as control:
            ids = control.ids()
            control.edit(ids[10:20], village="Moved")
            control.validate(ids[30:35], "approved")
            control.delete(ids[40 : 40 + DELETED])
        return f"10 households edited, 5 validated, {DELETED} deleted"

    def verify(self) -> Report:
        """Compare every answer with the server's."""
        with self._client() as client:
            return verify(client, self._engine, self._form.mirror(self._engine), lambda *_: None)

    def _client(self) -> KoboClient:
        settings = self._form.settings
        return open_form(settings.kobo_url, settings.kobo_token, settings.kobo_asset_id)

    def _control(self) -> SimulatorControl:
        return SimulatorControl(self._form.settings.kobo_url, HOUSEHOLD_ASSET)
