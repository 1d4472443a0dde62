"""The names of a form: learn the id_strings of pulled submissions; tell by them which form a body is of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import Enum, auto

from sqlalchemy import Connection, Engine, select, update

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.forms.mirror import Mirror, uid_of
from kobo_mirror.store.tables import forms

MOST_ID_STRINGS = 100
"""So many id_strings of a form are learnt. Where there may be more, an unknown one proves nothing."""

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
    :param must_be_named: a body is of the form only if it says so, by its uid or by a name that was learnt.
    """

    def __init__(self, engine: Engine, mirror: Mirror, *, must_be_named: bool = False) -> None:
        self._engine, self._mirror, self._must_be_named = engine, mirror, must_be_named
        self._known = frozenset({uid_of(mirror.asset_uid)})

    def match(self, id_string: str | None) -> FormMatch:
        """Tell whether a body is of the form.

        :param id_string: the body's ``_xform_id_string``; None where it has none, empty where it is no text.
        :returns: THIS for a known id_string, and for None. OTHER for what cannot be an id_string, and for
            the uid of another form once a pull has shown by which id_strings this one goes. UNKNOWN for
            any other id_string that was not learnt. Where the form must be named, OTHER also for None, and
            for any other id_string once a pull has shown some.
        :raises DatabaseError, SchemaError: the database cannot be asked.
        """
        if id_string in self._known or (id_string is None and not self._must_be_named):
            return FormMatch.THIS
        if not id_string:
            return FormMatch.OTHER
        with reading(self._engine) as connection:
            learnt = id_strings_of(connection, self._mirror)
        self._known |= learnt or frozenset()
        if id_string in self._known:
            return FormMatch.THIS
        all_are_learnt = learnt is not None and len(learnt) < MOST_ID_STRINGS
        may_be_this = not (all_are_learnt and (self._must_be_named or _UID.fullmatch(id_string)))
        return FormMatch.UNKNOWN if may_be_this and _ID_STRING.fullmatch(id_string) else FormMatch.OTHER


def id_strings_of(connection: Connection, mirror: Mirror) -> frozenset[str] | None:
    """Return the values of ``_xform_id_string`` that pulled submissions had.

    :param connection: an open transaction.
    :param mirror: the form.
    :returns: None while none has been pulled.
    """
    query = select(forms.c.id_strings).where(forms.c.asset_uid == mirror.asset_uid)
    text = connection.execute(query).scalar_one_or_none()
    return _names_in(text)


def keys_named(connection: Connection, id_string: str | None) -> tuple[str, ...]:
    """Return the keys of the forms that go by a name and are not let go.

    :param connection: an open transaction.
    :param id_string: a body's ``_xform_id_string``, whatever its sender made of it.
    """
    if not id_string:
        return ()
    query = select(forms.c.asset_uid, forms.c.id_strings).where(forms.c.let_go_at.is_(None))
    rows = connection.execute(query.order_by(forms.c.asset_uid))
    return tuple(
        key for key, text in rows if id_string in (_names_in(text) or ()) or id_string == uid_of(key)
    )


def _names_in(text: str | None) -> frozenset[str] | None:
    """Return the id_strings in a cell; None for NULL, and for what was changed by hand to something else."""
    try:
        names = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return frozenset(names)
    return None


def learn_id_strings(engine: Engine, mirror: Mirror, seen: Iterable[str]) -> None:
    """Add to what ``id_strings_of`` returns, up to ``MOST_ID_STRINGS``.

    The form's row is locked only where one is new: it is read by every transaction that writes.

    :param engine: the database.
    :param mirror: the form.
    :param seen: the values of ``_xform_id_string`` that were pulled.
    """
    with reading(engine) as connection:
        known = id_strings_of(connection, mirror) or frozenset()
    if frozenset(seen) <= known or len(known) >= MOST_ID_STRINGS:
        return

    def work(connection: Connection) -> None:
        query = select(forms.c.id_strings).where(forms.c.asset_uid == mirror.asset_uid).with_for_update()
        text = connection.execute(query).scalar_one_or_none()
        known = _names_in(text) or frozenset()
        new = sorted(frozenset(seen) - known)[: MOST_ID_STRINGS - len(known)]
        if new:
            mine = update(forms).where(forms.c.asset_uid == mirror.asset_uid)
            connection.execute(mine.values(id_strings=json.dumps(sorted(known.union(new)))))

    transact(engine, work)
