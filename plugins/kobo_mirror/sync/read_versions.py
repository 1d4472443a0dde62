"""The versions of a form, read; one whose kept content is damaged is asked for anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from sqlalchemy import Connection, Engine

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import CredentialsError, DefinitionError, RequestError, SchemaError
from kobo_mirror.forms.definition import Version, read_version
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.versions import list_versions, new_contents, parse_content
from kobo_mirror.store.kept_versions import FormVersion, kept_versions, mend_versions
from kobo_mirror.store.leases import Lease, check_lease


def read_versions(
    engine: Engine,
    client: KoboClient,
    lease: Lease | None,
    grown: Collection[str],
    new: Sequence[FormVersion] = (),
) -> list[Version]:
    """Return what the versions of a form ask; the damaged ones are asked for anew, and kept as they are then.

    :param engine: the database.
    :param client: the form's client.
    :param lease: the right to pull the form; None: nothing is written.
    :param grown: the uids of versions that the schema has, and so can do without.
    :param new: versions that may not be kept yet.
    :returns: in the order of their numbers, without those that are damaged, not shown and not needed.
    :raises SchemaError: one that is needed is damaged, and KoboToolbox does not show it.
    :raises LeaseError: another sync has the form.
    """
    found = _readable(engine, client.form_key)
    damaged = {uid for uid, version in found.items() if version is None}
    if damaged:
        anew = _asked_for(client, damaged, known=found.keys() - damaged)
        if lease is not None:
            transact(engine, partial(_mend, asset_uid=client.form_key, versions=anew, lease=lease))
        found |= {one.uid: _read(one) for one in anew}
    lost = [uid for uid, version in found.items() if version is None and uid not in grown]
    if lost:
        raise SchemaError(
            f"The content of version {lost[0]} of form {client.form_key} in kobo_form_versions is damaged, "
            "and KoboToolbox does not show it: restore the row from a backup."
        )
    found |= {one.uid: _read(one) for one in new if one.uid not in found}
    return [version for version in found.values() if version is not None]


def _readable(engine: Engine, asset_uid: str) -> dict[str, Version | None]:
    """Return the kept versions by uid, in the order of their numbers; None for one that is damaged."""
    with reading(engine) as connection:
        kept = kept_versions(connection, asset_uid)
    return {one.uid: _read(one) for one in kept}


def _read(kept: FormVersion) -> Version | None:
    try:
        content = parse_content(kept.content)
    except ValueError:
        return None
    return read_version(kept.uid, content)


def _asked_for(client: KoboClient, damaged: Collection[str], *, known: Collection[str]) -> list[FormVersion]:
    """Return those of the damaged versions that the server shows."""
    try:
        shown = list(new_contents(client, list_versions(client), known))
    except (DefinitionError, CredentialsError, RequestError):
        return []
    return [
        FormVersion(one.version.uid, one.version.deployed_at, one.version.content_hash, one.content)
        for one in shown
        if one.version.uid in damaged
    ]


def _mend(connection: Connection, *, asset_uid: str, versions: list[FormVersion], lease: Lease) -> None:
    check_lease(connection, lease)
    mend_versions(connection, asset_uid, versions)
