"""Which form a body belongs to: by its uid, or by another id_string that pulled submissions have shown."""

from __future__ import annotations

import re
from enum import Enum, auto

from sqlalchemy import Engine

from kobo_mirror.forms.form import Mirror
from kobo_mirror.store.bindings import MOST_ID_STRINGS, id_strings_of
from kobo_mirror.store.database import reading

_NAME = re.compile(r"[\w.-]{1,100}")  # an XForm's id_string, as long as KoboToolbox takes it


class Belongs(Enum):
    """Whether a body is of a form."""

    HERE = auto()
    ELSEWHERE = auto()
    UNKNOWN = auto()


class FormNames:
    """The names by which submissions say that they are of a form.

    A form that was made outside the form builder keeps an id_string of its own (kobo-api.md §2), which only
    its submissions show. Names are kept in memory; one that is not known there costs a small query.
    """

    def __init__(self, engine: Engine, mirror: Mirror) -> None:
        self._engine, self._mirror = engine, mirror
        self._known = frozenset({mirror.asset_uid})

    def belongs(self, named: str | None) -> Belongs:
        """Say whether a body with this ``_xform_id_string`` is of the form.

        :param named: what it says; None where it says nothing, empty where that is no text.
        :returns: UNKNOWN while no submission of the form was pulled yet, or where they go by more names than
            are learnt, so that any name may be its own.
        :raises DatabaseError, SchemaError: the database cannot be asked.
        """
        if named is None or named in self._known:
            return Belongs.HERE
        if not named:
            return Belongs.ELSEWHERE
        with reading(self._engine) as connection:
            learnt = id_strings_of(connection, self._mirror.form)
        self._known |= learnt or frozenset()
        if named in self._known:
            return Belongs.HERE
        may_be_ours = learnt is None or len(learnt) >= MOST_ID_STRINGS
        return Belongs.UNKNOWN if may_be_ours and _NAME.fullmatch(named) else Belongs.ELSEWHERE
