"""Receive by path: take deliveries of any form that the database mirrors, each posted to its form's path."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable

from sqlalchemy import Engine

from kobo_mirror.store import dead_letters
from kobo_mirror.store.bindings import LetGoError, NotBoundError
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.refusals import RefusalReason
from kobo_mirror.sync.receive import LET_GO, Outcome, Push, Receiver, Refusal, Refused, one_by_one

MOST_COLUMNS = 20_000
"""Columns of all forms that are kept in memory: some 3 kB each, so 60 MB for 200 forms of 100 columns."""

_FORM_KEY = re.compile(r"(?=.{8,40}\Z)[A-Za-z0-9]+(?:~[0-9]+)?")
_UNKNOWN = Refused(
    Refusal.UNKNOWN_FORM, f"{RefusalReason.UNKNOWN_FORM}: sync the form first, or correct the address"
)


class PathReceivers:
    """A receiver for each form that is delivered, made when its first delivery comes.

    The database tells which forms there are, so a new one needs no restart. Receivers that were not used for
    the longest time are let go where those of all forms have too many columns; their next delivery costs
    reading the form's schema again.

    :param engine: the database that holds the forms' tables.
    :param keep_payloads: ``rejected`` or ``all``, as for :class:`Writer`.
    :param committing: as for :class:`Receiver`; one for each form, so that none waits for another's.
    :param most_columns: how many columns the forms in memory may have together; one form is always kept.
    """

    def __init__(
        self,
        engine: Engine,
        keep_payloads: str,
        committing: Callable[[Writer], Push] = one_by_one,
        *,
        most_columns: int = MOST_COLUMNS,
    ) -> None:
        self._engine, self._keep_payloads, self._committing = engine, keep_payloads, committing
        self._most_columns = most_columns
        self._lock = threading.Lock()
        self._receivers: OrderedDict[str, Receiver] = OrderedDict()

    def receive(self, form_key: str, body: bytes) -> Outcome:
        """Write the submission that a body holds, or have the form's next sync ask for it.

        :param form_key: of the path that it was posted to.
        :param body: JSON, as KoboToolbox posts it.
        :returns: what became of it, as ``Receiver.receive`` does; refused where the database mirrors no form
            of that key.
        :raises DatabaseError, SchemaError: the database cannot take it; nothing was written.
        """
        if not _FORM_KEY.fullmatch(form_key):
            return _UNKNOWN
        try:
            return self._receiver(form_key).receive(body)
        except LetGoError:
            return LET_GO
        except NotBoundError:
            with self._lock:
                self._receivers.pop(form_key, None)
            return _UNKNOWN

    def keep(self, form_key: str, body: bytes, refused: Refused, *, source: str) -> int:
        """Keep a refused body as a dead letter of the form, also of one that is not mirrored yet.

        :param form_key: of the path that it was posted to.
        :param body: the body that ``receive`` has refused.
        :param refused: why.
        :param source: where the body came from, such as ``webhook``.
        :returns: the dead letter's id.
        :raises DatabaseError: the letter could not be stored.
        """
        asset = form_key if _FORM_KEY.fullmatch(form_key) else None
        return dead_letters.keep(
            self._engine, body=body, source=source, reason=refused.reason, asset_uid=asset
        )

    def knows(self, form_key: str) -> bool:
        """Return True if the form is in memory, which only one is that the database mirrors.

        :param form_key: the form key.
        """
        return form_key in self._receivers

    @property
    def columns(self) -> int:
        """How many columns the forms in memory have together."""
        with self._lock:
            return sum(receiver.columns for receiver in self._receivers.values())

    def _receiver(self, form_key: str) -> Receiver:
        with self._lock:
            if form_key in self._receivers:
                self._receivers.move_to_end(form_key)
                return self._receivers[form_key]
        made = Receiver.of_path(self._engine, form_key, self._keep_payloads, self._committing)
        with self._lock:
            kept = self._receivers.setdefault(form_key, made)
            self._let_go()
            return kept

    def _let_go(self) -> None:
        columns = sum(receiver.columns for receiver in self._receivers.values())
        while columns > self._most_columns and len(self._receivers) > 1:
            _, oldest = self._receivers.popitem(last=False)
            columns -= oldest.columns
