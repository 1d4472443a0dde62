"""Register: have KoboToolbox post new submissions to the webhook, or no longer, and remember that."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Engine

from kobo_mirror.config.deliveries import form_endpoint, form_secret
from kobo_mirror.database.engine import read, reading
from kobo_mirror.errors import SchemaError
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.rest_services import (
    Channel,
    Registration,
    ensure_registered,
    fingerprint,
    remove_services,
)
from kobo_mirror.store.bindings import LetGoError
from kobo_mirror.store.let_go import require_kept
from kobo_mirror.store.listings import table_of
from kobo_mirror.store.registrations import Registration as Shown
from kobo_mirror.store.registrations import Remembered, forget, remember, remembered
from kobo_mirror.sync.chosen import ChosenForm


def register_form(chosen: ChosenForm, client: KoboClient, engine: Engine) -> Registration:
    """Register the webhook with a form, at the address and with the secret that its deliveries have.

    A REST Service of the form that posts to the other address, with a form key or without, becomes this one.
    The external registrar is told of the form of ``KOBO_ASSET_ID`` alone: it knows no other one.

    :param chosen: the form, with the settings; ``REAL_TIME_POST_ENDPOINT_URL`` is among them.
    :param client: the form's client.
    :param engine: the database, which remembers the registration.
    :returns: as ``register_webhook`` does.
    :raises SchemaError: its deliveries would be refused, since no sync has begun to make its tables.
    :raises LetGoError: they would be, or are from now on, since the form was let go; it has no REST Service.
    :raises KoboMirrorError: as ``register_webhook`` does.
    """
    settings, key = chosen.settings, chosen.form_key
    plain = settings.real_time_post_endpoint_url
    own = form_endpoint(plain, key)
    if not chosen.has_own_path:
        return register_webhook(
            client,
            engine,
            endpoint=plain,
            secret=settings.webhook_secret,
            registrar_url=settings.inkomoko_register_webhook_url,
            former=[own],
        )
    with reading(engine) as connection:
        if table_of(connection, chosen.server, key) is None:
            raise SchemaError(
                f"The form {chosen.uid} has no tables yet, so nothing is registered: run "
                "`python -m kobo_mirror sync` first."
            )
        try:
            require_kept(connection, key)
        except LetGoError as error:
            raise LetGoError(
                f"{error} Nothing is registered: where it is chosen again, the next sync takes it back first."
            ) from None
    secret = form_secret(settings.webhook_secret, key)
    found = register_webhook(client, engine, endpoint=own, secret=secret, former=[plain])
    try:
        read(engine, lambda connection: require_kept(connection, key))
    except LetGoError:  # `forms remove` may have looked for REST Services before this one was made
        unregister_form(client, engine, places_of(engine, key, plain))
        raise
    return found


class Places(NamedTuple):
    """Where deliveries of a form may be posted to.

    :param addresses: at which a REST Service of the form is ours.
    :param registrars: addresses that an external registrar was told.
    """

    addresses: frozenset[str]
    registrars: frozenset[str]


def places_of(engine: Engine, form_key: str, endpoint: str) -> Places:
    """Return where a form may be registered, as far as the settings and the database tell.

    :param engine: the database.
    :param form_key: by which the database has it, or had it.
    :param endpoint: ``REAL_TIME_POST_ENDPOINT_URL``; empty: it is not set.
    """
    known = remembered(engine, form_key)
    ours = {endpoint, form_endpoint(endpoint, form_key)} if endpoint else set()
    told = {one.endpoint for one in known if one.channel == Channel.REGISTRAR}
    return Places(frozenset(ours | {one.endpoint for one in known} - told), frozenset(told))


def unregister_form(client: KoboClient, engine: Engine, places: Places) -> list[str]:
    """Remove the REST Services by which a form is posted to our webhook; those of others stay.

    :param client: the form's client.
    :param engine: the database, which forgets the registration.
    :param places: where it may be registered.
    :returns: the address of each that was removed, without secrets.
    :raises KoboMirrorError: as ``remove_services`` does; then the registration is remembered.
    """
    removed = remove_services(client, places.addresses)
    forget(engine, client.form_key)
    return removed


def secret_fingerprint(secret: str, form_key: str, registered: Iterable[Shown]) -> str | None:
    """Return the fingerprint of the secret that the deliveries of a form are to show.

    :param secret: ``WEBHOOK_SECRET``.
    :param form_key: the form key.
    :param registered: where the form's deliveries are posted to: with its key in the path, or without.
    :returns: None: no secret is set.
    """
    own = any(urlsplit(one.endpoint).path.endswith(f"/{form_key}") for one in registered)
    shown = form_secret(secret, form_key) if own else secret
    return fingerprint(shown) if shown else None


def register_webhook(
    client: KoboClient,
    engine: Engine,
    *,
    endpoint: str,
    secret: str,
    registrar_url: str = "",
    former: Collection[str] = (),
) -> Registration:
    """Register the webhook once; a second call changes nothing and says so.

    Where the endpoint is another than before, the REST Service of the earlier one is changed to it.

    :param client: the form's client.
    :param engine: the database, which remembers the registration.
    :param endpoint: the webhook's address, as KoboToolbox reaches it.
    :param secret: what each delivery must show; empty where the webhook asks for none.
    :param registrar_url: the address of an external registrar; empty for a REST Service.
    :param former: as for ``ensure_registered``.
    :returns: the registration, and what this call changed.
    :raises NotPermittedError: the token may not manage the form's REST Services.
    :raises KoboMirrorError: the server or the database could not do it.
    """
    before = remembered(engine, client.form_key)
    known = [
        Registration(Channel(row.channel), row.endpoint, row.hook_uid, row.secret_fingerprint)
        for row in before
    ]
    found = ensure_registered(
        client,
        endpoint=endpoint,
        secret=secret,
        registrar_url=registrar_url or None,
        known=known,
        former=former,
    )
    now = Remembered(found.channel.value, found.endpoint, found.hook_uid, found.secret_fingerprint)
    if before != [now]:
        remember(engine, client.form_key, now)
    return found
