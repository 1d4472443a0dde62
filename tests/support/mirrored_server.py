"""A server in this process and a mirror of it in a database of one kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, delete

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import form_table, metadata
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.verify import Report, verify
from simulator.options import Options
from tests.support.contents import Contents, contents
from tests.support.interleaved_server import InterleavedServer

_MARK = re.compile(r"--confirm-deletes (\w+)`")


def code_of(waiting: DeletesWaitError) -> str | None:
    """Return the code that confirms a waiting list of deletes."""
    found = _MARK.search(str(waiting))
    return found[1] if found else None


def empty(engine: Engine) -> None:
    """Delete every row of every table of ours."""
    with engine.begin() as connection:
        for table in (form_table(KOBO_RECORDS), *metadata.tables.values()):
            connection.execute(delete(table))


@dataclass(frozen=True)
class MirroredServer:
    """A simulated server in this process, and a mirror of it."""

    server: InterleavedServer
    engine: Engine
    client: KoboClient
    mirror: Mirror

    def sync(self, *, page_size: int = 1000) -> MirrorSync:
        """Return a sync of the form."""
        server = self.mirror.server
        return MirrorSync(self.client, self.engine, form=KOBO_RECORDS, server=server, page_size=page_size)

    def writer(self) -> Writer:
        """Return what takes deliveries."""
        return Writer(self.engine, self.mirror)

    def run(self, mode: str) -> None:
        """Sync; deletes that the guard holds are confirmed."""
        try:
            self.sync().run(mode=mode)
        except DeletesWaitError as waiting:
            self.sync().run(mode=mode, confirm=code_of(waiting))

    def verify(self) -> Report:
        """Prove every cell."""
        return verify(self.client, self.engine, self.mirror, lambda *_: None, full=True)

    def contents(self) -> Contents:
        """Return what the database holds, without clocks."""
        return contents(self.engine)

    def begin(self) -> None:
        """Empty the database, and let it mirror the form: else a delivery could not be written yet."""
        empty(self.engine)
        bind(self.engine, self.mirror)

    def contents_from_scratch(self) -> Contents:
        """Empty the database, sync, and return what it holds then."""
        self.begin()
        self.run("exact")
        return self.contents()


@contextmanager
def mirrored_server(database_url: str, options: Options) -> Iterator[MirroredServer]:
    """Start a server and make an empty mirror of it."""
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    with (
        InterleavedServer(options) as server,
        open_form(server.url, server.token, server.asset, attempts=2, sleep=lambda seconds: None) as client,
    ):
        mirror = Mirror(KOBO_RECORDS, server.url, server.asset)
        bind(engine, mirror)
        yield MirroredServer(server, engine, client, mirror)
    engine.dispose()
