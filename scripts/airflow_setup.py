"""Set Airflow up in AIRFLOW_HOME: its tables, our two connections, our pool. ``--fresh`` starts anew.

Airflow is imported only as far as it is needed: that takes seconds.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path


def set_up(*, fresh: bool) -> None:
    """Make Airflow ready to run.

    :param fresh: forget what was there; a copy of the empty tables is kept, since making them takes a while.
    :raises ConfigurationError: the environment lacks what a connection needs.
    """
    home = Path(os.environ["AIRFLOW_HOME"])
    if fresh:
        _start_anew(home / "airflow.db", home / f"empty-{version('apache-airflow')}.db")
    else:
        _migrate()
    from kobo_mirror.airflow.connections import create_connections
    from kobo_mirror.airflow.pools import create_pools

    create_connections(os.environ)
    create_pools()


def _start_anew(database: Path, empty: Path) -> None:
    for end in ("", "-wal", "-shm"):
        database.with_name(f"{database.name}{end}").unlink(missing_ok=True)
    if empty.exists():
        shutil.copyfile(empty, database)
        return
    _migrate()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", (str(empty),))


def _migrate() -> None:
    from airflow.utils.db import initdb

    initdb()


if __name__ == "__main__":
    set_up(fresh="--fresh" in sys.argv)
