"""Versions that submissions name and that are not kept: they make the next sync list the versions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection, Engine, update

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import DatabaseError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.kept_versions import known_versions
from kobo_mirror.store.tables import forms
from kobo_mirror.submissions.rows import State


class VersionWatch:
    """Looks at the versions that written submissions name (``__version__``).

    A form can be deployed anew after a sync has compared its deployed version, and its submissions come
    first. Each version is looked up once for each watch, so that further pages cost nothing.

    :param engine: the database.
    :param mirror: the form.
    """

    def __init__(self, engine: Engine, mirror: Mirror) -> None:
        self._engine = engine
        self._asset_uid = mirror.asset_uid
        self._looked_up: set[str] = set()

    def look(self, states: Sequence[State]) -> None:
        """Have the next sync list the versions of the form, if one of these names a version that is not kept.

        Nothing is raised where the database refuses: the submissions are stored, and each sync compares the
        version that is deployed.

        :param states: submissions that were written.
        """
        named = {state.form_version for state in states} - self._looked_up - {None}
        if not named:
            return
        with suppress(DatabaseError):
            with reading(self._engine) as connection:
                unknown = named.difference(known_versions(connection, self._asset_uid))
            if unknown:
                transact(self._engine, self._forget_deployed)
            self._looked_up |= {version for version in named if version}

    def _forget_deployed(self, connection: Connection) -> None:
        mine = forms.c.asset_uid == self._asset_uid
        connection.execute(update(forms).where(mine).values(deployed_version=None))
