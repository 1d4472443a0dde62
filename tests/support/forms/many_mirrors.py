"""Several forms of one simulated server, mirrored into one database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.config.settings import server_url
from kobo_mirror.forms.mirror import Mirror, uid_of
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.server import KoboServer
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.submissions.shaper import Shaper
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.receive import Accepted, Receiver
from kobo_mirror.sync.verify import Report, verify
from simulator.control_client import SimulatorControl
from simulator.process import SimulatorProcess
from tests.support.forms.mirrored_form import body_of
from tests.support.forms.read_back import Found, read_back, wanted


class OneOfMany:
    """One of the forms.

    :param server: shared by all of them.
    :param key: of the form, with its uid.
    """

    def __init__(
        self, simulator: SimulatorProcess, server: KoboServer, engine: Engine, key: str, wish: WantedForm
    ) -> None:
        self.uid, self._wish, self._engine = key, wish, engine
        self._url = server_url(simulator.url)
        self.client = KoboClient(server, uid_of(key), key)
        self.control: SimulatorControl = simulator.control.of(uid_of(key))

    @property
    def mirror(self) -> Mirror:
        """The form and its tables."""
        return load_mirror(self._engine, self._url, self.uid, among_others=True)

    def sync(self, engine: Engine | None = None, **how: Any) -> dict[str, Any]:
        """Run one sync."""
        syncing = MirrorSync(
            self.client, engine or self._engine, server=self._url, wanted=self._wish, among_others=True
        )
        return syncing.run(**how)

    def deliver(self, kobo_id: int) -> str:
        """Take a delivery of one submission as the server shows it now."""
        (document,) = self.control.rows(kobo_id)
        outcome = Receiver(self._engine, [self.mirror], "rejected").receive(body_of(document))
        assert isinstance(outcome, Accepted), outcome
        return outcome.result.result

    def found(self) -> Found:
        """What the tables hold, read by the catalog alone."""
        return read_back(self._engine, self.uid)

    def wanted(self) -> Found:
        """What the tables are to hold of what the server shows now."""
        schema = self.mirror.schema
        assert schema is not None
        shaper = Shaper(schema)
        return wanted(shaper.shape(document) for document in self.control.rows())

    def verify(self) -> Report:
        """Prove every answer."""
        return verify(self.client, self._engine, self.mirror, lambda *_: None, full=True)


def one_database(
    simulator: SimulatorProcess, server: KoboServer, engine: Engine, keys: Iterable[str]
) -> list[OneOfMany]:
    """Return a mirror of each form, all in one database.

    :param keys: of the forms: their uids, or what stands for one in the database.
    """
    wish = WantedForm(may_be_declared=False)
    return [OneOfMany(simulator, server, engine, key, wish) for key in keys]
