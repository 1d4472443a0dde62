"""A form of any kind on a simulated server, mirrored as a newcomer would who has put its uid into .env."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.schema import migrate
from kobo_mirror.submissions.shaper import Shaper
from simulator.control_client import SimulatorControl
from simulator.process import SimulatorProcess
from tests.support.forms.read_back import Found, read_back, wanted
from tests.support.mirroring import Mirroring

Content = dict[str, Any]


def form_file(folder: Path, name: str, *versions: Content, rows: int = 20) -> str:
    """Write a form for the simulator; return the file's name. Its uid is :func:`uid_of`."""
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps({"uid": uid_of(name), "name": name.title(), "versions": list(versions), "rows": rows})
    )
    return str(path)


def uid_of(name: str) -> str:
    """The uid of a form that :func:`form_file` wrote."""
    return f"a{name}12345678901234567890"[:22]


class AnyMirror(Mirroring):
    """A mirror of one form of a server that has several."""

    @property
    def control(self) -> SimulatorControl:
        """What the server does."""
        return self.simulator.control.of(self.simulator.asset)

    def found(self) -> Found:
        """What the tables hold, read by the catalog alone."""
        return read_back(self.engine, self.simulator.asset)

    def wanted(self) -> Found:
        """What the tables are to hold of what the server shows now."""
        schema = self.mirror.schema
        assert schema is not None
        shaper = Shaper(schema)
        return wanted(shaper.shape(document) for document in self.control.rows())


@contextmanager
def any_mirror(simulator: SimulatorProcess, uid: str, database_url: str) -> Iterator[AnyMirror]:
    """Point a new mirror at one form of a server."""
    engine = open_engine(database_url)
    migrate(engine)
    before, simulator.asset = simulator.asset, uid
    try:
        yield AnyMirror(simulator, database_url, engine, [])
    finally:
        simulator.asset = before
        engine.dispose()
