"""Tell which form a body is of: by the form's uid, or by another id_string that pulled submissions have."""

from __future__ import annotations

import re
from enum import Enum, auto

from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.forms.schema import Mirror
from kobo_mirror.store.bindings import MOST_ID_STRINGS, id_strings_of

_ID_STRING = re.compile(r"[\w.-]{1,100}")  # of an XForm, as long as KoboToolbox takes it
_UID = re.compile(r"a[A-Za-z0-9]{20,23}")  # the id_string of a form that was made in the form builder


class FormMatch(Enum):
    """Whether a body is of a form: of this one, of another, or only the server can tell."""

    THIS = auto()
    OTHER = auto()
    UNKNOWN = auto()


class FormNames:
    """The id_strings by which the submissions of one form name it.

    A form that was made outside the form builder keeps an id_string of its own (kobo-api.md §2), which only
    its submissions show. Known ones are kept in memory; any other costs a small query.

    :param engine: the database that holds what pulls have learnt.
    :param mirror: the form, and its table.
    """

    def __init__(self, engine: Engine, mirror: Mirror) -> None:
        self._engine, self._mirror = engine, mirror
        self._known = frozenset({mirror.asset_uid})

    def match(self, id_string: str | None) -> FormMatch:
        """Tell whether a body is of the form.

        :param id_string: the body's ``_xform_id_string``; None where it has none, empty where it is no text.
        :returns: THIS for a known id_string, and for None. OTHER for what cannot be an id_string, and for
            the uid of another form once a pull has shown by which id_strings this one goes. UNKNOWN for
            any other id_string that was not learnt.
        :raises DatabaseError, SchemaError: the database cannot be asked.
        """
        if id_string is None or id_string in self._known:
            return FormMatch.THIS
        if not id_string:
            return FormMatch.OTHER
        with reading(self._engine) as connection:
            learnt = id_strings_of(connection, self._mirror.form)
        self._known |= learnt or frozenset()
        if id_string in self._known:
            return FormMatch.THIS
        all_are_learnt = learnt is not None and len(learnt) < MOST_ID_STRINGS
        may_be_this = not (all_are_learnt and _UID.fullmatch(id_string))
        return FormMatch.UNKNOWN if may_be_this and _ID_STRING.fullmatch(id_string) else FormMatch.OTHER
