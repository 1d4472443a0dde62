"""The mirror of a form: which form of which server, and by what its submissions become rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.form_schema import FormSchema

NO_DECLARATION = bytes(16)
"""In place of a declaration's fingerprint, for a form whose tables are all derived."""
_DOCUMENTS = b"documents 1"  # raise the number when the digest of the same document changes


def uid_of(form_key: str) -> str:
    """Return the uid of a form on its server.

    :param form_key: the uid, or for the form of that uid of a further server ``uid~2`` and so on.

    >>> uid_of("aBcDeFgHiJkLmNoPqRsTuV~2")
    'aBcDeFgHiJkLmNoPqRsTuV'
    """
    return form_key.partition("~")[0]


@dataclass(frozen=True)
class Mirror:
    """Which form of which server is mirrored, and the tables that it has.

    :param form: the declaration of its table; None: all of its tables are derived.
    :param server: address of the KoboToolbox server, as ``config.server_url`` spells it.
    :param asset_uid: the form key, by which all bookkeeping has it: see :func:`uid_of`.
    :param schema: its derived tables; None: it has a declared table alone, as a mirror of version 0.1, or no
        table yet.
    """

    form: Form | None
    server: str
    asset_uid: str
    schema: FormSchema | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """Server and asset uid."""
        return self.server, self.asset_uid

    @property
    def has_tables(self) -> bool:
        """True once its tables are made: before that a delivery can only be asked for again."""
        return self.form is not None or self.schema is not None

    @property
    def table(self) -> str:
        """The name of its declared table or of its root, by which ``kobo_forms`` has it.

        :raises ValueError: it has no tables yet.
        """
        if self.form is not None:
            return self.form.table
        if self.schema is None:
            raise ValueError(f"form {self.asset_uid} has no tables yet")
        return self.schema.root.name

    @property
    def fingerprint(self) -> bytes:
        """16 bytes of the declaration."""
        return self.form.fingerprint if self.form else NO_DECLARATION

    @property
    def schema_fingerprint(self) -> bytes | None:
        """16 bytes of the derived tables; None without any."""
        return self.schema.fingerprint if self.schema else None

    @cached_property
    def document_key(self) -> bytes:
        """What keys the digests of documents.

        By a declaration alone it is the declaration's fingerprint, as version 0.1 has it. With derived tables
        a schema that grows changes no digest: what must be shaped anew is told by the epoch.
        """
        if self.schema is None:
            return self.fingerprint
        return hashlib.blake2b(self.fingerprint + _DOCUMENTS, digest_size=16).digest()
