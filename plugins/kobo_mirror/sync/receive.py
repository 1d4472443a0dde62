"""Receive a body that was pushed, or is replayed: parse it once, tell whose it is, write it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine

from kobo_mirror.database.engine import read
from kobo_mirror.errors import DatabaseError, SubmissionError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import dead_letters
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.bindings import LetGoError, NotBoundError, ReshapedError
from kobo_mirror.store.deferred import BEFORE_THE_FIRST_SYNC, CHANGING, OF_ANOTHER_NAME, defer
from kobo_mirror.store.form_names import FormMatch, FormNames, keys_named
from kobo_mirror.store.let_go import require_kept
from kobo_mirror.store.mirrors import find_bound, find_mirror
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.document import form_of, parse
from kobo_mirror.submissions.refusals import RefusalReason
from kobo_mirror.submissions.rows import State, parsed_state

Push: TypeAlias = Callable[[State], PushResult]
"""Commits the state of one submission and tells what became of it."""

_CHANGES = 3  # of the form's tables, while one submission is taken
_DEFERRING, _DEFERRING_SECONDS = 2, 1.0  # of one form at once, and how long others of it wait for their turn
_SHOWN_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class Accepted:
    """A body whose submission was written or put in the refetch queue; that is committed.

    :param mirror: the form that it is of, or may be of, by whose tables it was written.
    :param submission: the parsed body.
    :param result: what the writer made of it.
    :param form_is_known: False where only the server can tell whether the submission is of this form: the
        next sync asks for it, and gets nothing if it is not.
    """

    mirror: Mirror
    submission: dict[str, Any]
    result: PushResult
    form_is_known: bool = True


class Refusal(Enum):
    """Why a body cannot be taken."""

    NO_SUBMISSION = auto()
    OTHER_FORM = auto()
    UNKNOWN_FORM = auto()
    LET_GO = auto()


@dataclass(frozen=True)
class Refused:
    """A body that belongs in the dead letters, unless its form was let go; nothing was written.

    :param why: the kind of refusal.
    :param reason: a sentence for a person, without anything of the body but a proper form name.
    :param form_keys: of the forms that are mirrored and that the body names, which others take.
    """

    why: Refusal
    reason: str
    form_keys: tuple[str, ...] = ()


LET_GO = Refused(
    Refusal.LET_GO,
    "this form is mirrored no longer: remove its REST Service; should it be mirrored again, the next sync "
    "asks for what was missed",
)
"""The refusal of a form that was let go: KoboToolbox keeps the submission, and notes that it failed."""

Outcome: TypeAlias = Accepted | Refused


def one_by_one(writer: Writer) -> Push:
    """Return what commits each state in a transaction of its own.

    :param writer: the writer of the form.
    """
    return lambda state: writer.push_all([state])[0]


class Receiver:
    """Makes an outcome of a body, for some forms.

    :param engine: the database that holds the forms' tables.
    :param mirrors: the forms whose submissions are taken; at least one. What tables they have is asked of the
        database, at first and whenever a sync has changed them.
    :param keep_payloads: ``rejected`` or ``all``, as for :class:`Writer`.
    :param committing: makes of a form's writer what commits its states, such as one that commits together
        what arrives together.
    """

    def __init__(
        self,
        engine: Engine,
        mirrors: Sequence[Mirror],
        keep_payloads: str,
        committing: Callable[[Writer], Push] = one_by_one,
    ) -> None:
        self._engine = engine
        self._forms = [_Form(engine, mirror, keep_payloads, committing) for mirror in mirrors]

    @classmethod
    def of_path(
        cls,
        engine: Engine,
        form_key: str,
        keep_payloads: str,
        committing: Callable[[Writer], Push] = one_by_one,
    ) -> Receiver:
        """Return what takes deliveries that are posted to the path of one form, which they must name, too.

        :param engine: the database.
        :param form_key: the form key.
        :param keep_payloads: as for the class.
        :param committing: as for the class.
        :raises NotBoundError: the database does not mirror the form; so does ``receive``.
        :raises LetGoError: it does no longer.
        :raises DatabaseError, SchemaError: the database cannot be asked.
        """

        def find(connection: Connection) -> Mirror:
            require_kept(connection, form_key)
            if (mirror := find_bound(connection, form_key)) is None:
                raise NotBoundError(f"The database mirrors no form {form_key}.")
            return mirror

        made = cls(engine, [], keep_payloads, committing)
        made._forms.append(_Form(engine, read(engine, find), keep_payloads, committing, find))
        return made

    @property
    def columns(self) -> int:
        """How many columns the derived tables of its forms have, as it knows them."""
        return sum(form.columns for form in self._forms)

    def receive(self, body: bytes) -> Outcome:
        """Write the submission that a body holds, or have the next sync ask for it.

        :param body: JSON, as KoboToolbox posts it.
        :returns: what became of it; an accepted one is durable.
        :raises DatabaseError, SchemaError: the database cannot take it; nothing was written.
        """
        try:
            submission = parse(body)
        except SubmissionError as problem:
            return Refused(Refusal.NO_SUBMISSION, str(problem))
        id_string = form_of(submission)
        form, match = self._form_of(id_string)
        if form is None:
            keys = read(self._engine, partial(keys_named, id_string=id_string))
            return Refused(Refusal.OTHER_FORM, f"{RefusalReason.OTHER_FORM} {_shown(id_string)}", keys)
        try:
            if match is FormMatch.UNKNOWN:
                return form.deferred(submission, OF_ANOTHER_NAME, form_is_known=False)
            return form.push(submission, body)
        except LetGoError:
            return LET_GO

    def keep(self, body: bytes, refused: Refused, *, source: str) -> int:
        """Keep a refused body as a dead letter.

        :param body: the body that ``receive`` has refused.
        :param refused: why.
        :param source: where the body came from, such as ``webhook``.
        :returns: the dead letter's id. It names the form only where there is no choice between several.
        :raises DatabaseError: the letter could not be stored.
        """
        asset = self._forms[0].asset_uid if len(self._forms) == 1 else None
        reason = refused.reason
        return dead_letters.keep(self._engine, body=body, source=source, reason=reason, asset_uid=asset)

    def _form_of(self, id_string: str | None) -> tuple[_Form | None, FormMatch]:
        """Find the form that a body is of.

        One that does not say, or says what no form here is called yet, may be of the only form that there is,
        but is of none of several.
        """
        if len(self._forms) == 1:
            (form,) = self._forms
            match = form.match(id_string)
            return (None if match is FormMatch.OTHER else form), match
        if id_string is not None:
            for form in self._forms:
                if form.match(id_string) is FormMatch.THIS:
                    return form, FormMatch.THIS
        return None, FormMatch.OTHER


class _Form:
    """A form whose submissions are taken.

    :param find: finds the form with its tables; then a body must name it. None: by the mirror's identity.
    """

    def __init__(
        self,
        engine: Engine,
        mirror: Mirror,
        keep_payloads: str,
        committing: Callable[[Writer], Push],
        find: Callable[[Connection], Mirror] | None = None,
    ) -> None:
        self._engine, self._keep_payloads, self._committing = engine, keep_payloads, committing
        self.asset_uid = mirror.asset_uid
        self.match = FormNames(engine, mirror, must_be_named=find is not None).match
        self._find = find or partial(_find_kept, mirror)
        self._tables = mirror, self._committing_to(mirror)  # together: a state is shaped as it is written
        self._deferring = threading.BoundedSemaphore(_DEFERRING)

    @property
    def columns(self) -> int:
        schema = self._tables[0].schema
        return sum(len(table.columns) for table in schema.tables) if schema else 0

    def push(self, submission: dict[str, Any], body: bytes) -> Accepted:
        """Commit a parsed submission; its transaction makes sure that the tables are this very form's.

        Where a sync has changed the form's tables, they are looked up, and it is shaped anew.
        """
        for _ in range(_CHANGES):
            mirror, commit = self._tables
            if commit is None:
                mirror, commit = self._look_up()
            if commit is None:
                return self.deferred(submission, BEFORE_THE_FIRST_SYNC)
            try:
                # Shaped before it is committed: a fault in that must be this submission's own.
                result = commit(parsed_state(submission, body, mirror).shape_now())
            except (ReshapedError, NotBoundError):
                self._look_up()
            else:
                return Accepted(mirror, submission, result)
        return self.deferred(submission, CHANGING)

    def deferred(self, submission: dict[str, Any], reason: str, *, form_is_known: bool = True) -> Accepted:
        """Have the next sync ask for a submission; few of a form at once, so that others find connections."""
        mirror, kobo_id = self._tables[0], submission["_id"]
        if not self._deferring.acquire(timeout=_DEFERRING_SECONDS):
            raise DatabaseError("Too many deliveries of the form wait to be put in the refetch queue.")
        try:
            result = defer(self._engine, mirror, kobo_id, reason)
        except (ReshapedError, NotBoundError):
            mirror, _ = self._look_up()
            result = defer(self._engine, mirror, kobo_id, reason)
        finally:
            self._deferring.release()
        return Accepted(mirror, submission, result, form_is_known)

    def _look_up(self) -> tuple[Mirror, Push | None]:
        known = self._tables
        mirror = read(self._engine, self._find)
        if mirror != known[0]:
            known = self._tables = mirror, self._committing_to(mirror)
        return known

    def _committing_to(self, mirror: Mirror) -> Push | None:
        """Return what commits states to the tables of a form; None while it has none."""
        if not mirror.has_tables:
            return None
        return self._committing(Writer(self._engine, mirror, self._keep_payloads))


def _find_kept(mirror: Mirror, connection: Connection) -> Mirror:
    """Return a form with the tables that it has now, unless it was let go."""
    require_kept(connection, mirror.asset_uid)
    return find_mirror(connection, *mirror.identity)


def _shown(id_string: str | None) -> str:
    """Return a form's name as a sentence may show it: no text that a sender made up."""
    return id_string if id_string and _SHOWN_NAME.fullmatch(id_string) else "(without a proper name)"
