"""Which form a body belongs to: by its uid, or by another id_string that pulled submissions have shown."""

from __future__ import annotations

import re
from enum import Enum, auto

from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.forms.schema import Mirror
from kobo_mirror.store.bindings import MOST_ID_STRINGS, id_strings_of

_NAME = re.compile(r"[\w.-]{1,100}")  # an XForm's id_string, as long as KoboToolbox takes it
_UID = re.compile(r"a[A-Za-z0-9]{20,23}")  # the id_string of a form that was made in the form builder


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
        :returns: ELSEWHERE for what is no name, and for another form's uid once a pull has shown by which
            names this form goes; UNKNOWN for any other name that is not learnt: the server knows whose it is.
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
        shown = learnt is not None and len(learnt) < MOST_ID_STRINGS
        may_be_ours = not (shown and _UID.fullmatch(named))
        return Belongs.UNKNOWN if may_be_ours and _NAME.fullmatch(named) else Belongs.ELSEWHERE
