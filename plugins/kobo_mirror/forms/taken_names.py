"""Taken names: which table or view is in the way of a form's tables, whose it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kobo_mirror.forms import naming
from kobo_mirror.forms.mirror import uid_of


class Holder(NamedTuple):
    """Who has a table or view, or is to have it.

    :param form_key: of another form; empty: no form of this database has it.
    :param server: address of that form's server; empty: it is not known.
    :param is_asked: ``kobo.yml`` asks for the name for another form, and nothing is there yet.
    """

    form_key: str = ""
    server: str = ""
    is_asked: bool = False


@dataclass(frozen=True)
class TakenNames:
    """The names of tables and views that a form cannot have.

    :param holders: by name.
    :param form_key: of the form that is to have another one.
    :param server: address of its server.
    :param server_setting: what gives that address, such as ``KOBO_URL``.
    """

    holders: Mapping[str, Holder]
    form_key: str
    server: str
    server_setting: str

    def why_not(self, name: str, otherwise: str) -> str | None:
        """Return why the form cannot have a name for its root table, and what to do; None: it can.

        :param name: of the root table.
        :param otherwise: how the form gets another name, such as ``ask for another name``.
        """
        found = naming.in_the_way(name, self.holders)
        return None if found is None else self._why(found, self.holders[found], otherwise)

    def why_another_has(self, name: str, otherwise: str) -> str | None:
        """Return what :meth:`why_not` does, of what other forms have or are to have alone.

        :param name: of a table, which may be there without being any form's.
        :param otherwise: how the form gets another name.
        """
        holder = self.holders.get(name, Holder())
        return self._why(name, holder, otherwise) if holder != Holder() else None

    def _why(self, found: str, holder: Holder, otherwise: str) -> str:
        if holder.is_asked:
            return f"another form is to have the table {found}: {otherwise}."
        if not holder.form_key:
            return (
                f"the database has a table or view {found} already, which is not the mirror's: rename that, "
                f"or {otherwise}."
            )
        uid = uid_of(holder.form_key)
        if uid == uid_of(self.form_key) and holder.server not in ("", self.server):
            return (
                f"the database has form {uid} of {holder.server} already, with the table {found}, and this "
                f"is that of {self.server}: set {self.server_setting} back to {holder.server}. Only if two "
                f"servers really have a form of this uid, and both are to be mirrored, {otherwise}."
            )
        of_server = f" of {holder.server}" if holder.server else ""
        return f"another form has the table {found}, {uid}{of_server}: {otherwise}."
