"""The deployed versions of a form: those that are kept, and those that the server has beside them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import CredentialsError, DefinitionError, RequestError
from kobo_mirror.kobo.form import FormInfo, KoboClient
from kobo_mirror.kobo.versions import list_versions, new_contents
from kobo_mirror.store.form_schemas import StoredForm
from kobo_mirror.store.kept_versions import FormVersion, keep_versions, known_versions
from kobo_mirror.store.leases import Lease, check_lease


@dataclass(frozen=True)
class FoundVersions:
    """The versions of a form that are known.

    :param kept: uids of those that the database has, in the order of their numbers.
    :param new: those that it has not, in the order in which they were deployed.
    :param error: why the server's could not be read, for a form that goes on without; None: they were.
    """

    kept: tuple[str, ...]
    new: tuple[FormVersion, ...] = ()
    error: str | None = None

    @property
    def uids(self) -> tuple[str, ...]:
        """The uids of all, in the order of their numbers."""
        return (*self.kept, *(version.uid for version in self.new))


def find_versions(
    engine: Engine, client: KoboClient, stored: StoredForm | None, info: FormInfo, *, must_have: bool
) -> FoundVersions:
    """Return the versions of a form. The server is asked only where another one is deployed than before.

    :param engine: the database.
    :param client: the form's client.
    :param stored: what ``kobo_forms`` has of the form.
    :param info: the form's description.
    :param must_have: the form has no tables yet, so that an error is raised and not only told.
    :raises DefinitionError, CredentialsError, RequestError: the form has no versions that can be read.
    """
    with reading(engine) as connection:
        kept = tuple(known_versions(connection, client.form_key))
    newest = stored.newest if stored else None
    is_told = stored is not None and bool(kept) and stored.deployed == info.deployed_version_id
    if is_told and {*(newest.versions if newest else ())} <= {*kept}:
        return FoundVersions(kept)
    try:
        new = tuple(
            FormVersion(one.version.uid, one.version.deployed_at, one.version.content_hash, one.content)
            for one in new_contents(client, list_versions(client), kept)
        )
    except (DefinitionError, CredentialsError, RequestError) as error:
        if must_have:
            raise
        return FoundVersions(kept, error=str(error))
    return FoundVersions(kept, new)


def keep(engine: Engine, found: FoundVersions, lease: Lease) -> None:
    """Keep the versions that are new.

    :param engine: the database.
    :param found: what ``find_versions`` returned.
    :param lease: the right to pull the form.
    :raises LeaseError: another sync has the form.
    """

    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        keep_versions(connection, lease.asset_uid, found.new)

    if found.new:
        transact(engine, work)
