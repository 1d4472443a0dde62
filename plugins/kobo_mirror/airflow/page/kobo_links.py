"""Addresses in KoboToolbox's own UI, for a person's browser."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from kobo_mirror.forms.mirror import uid_of


def address(server: str, form_key: str, tab: str = "summary") -> str | None:
    """Return where KoboToolbox shows a form, or None where a browser cannot be led there.

    The UI is served at the address of its API (kobo-api.md §9), also by servers that people run themselves.
    A name without a dot is known inside a network of containers only.

    :param server: address of the server, as ``config.server_url`` spells it.
    :param form_key: the form's key.
    :param tab: ``summary``, or ``data/table`` for its submissions.
    """
    host = urlsplit(server).hostname or ""
    if "." not in host and ":" not in host and host != "localhost":
        return None
    return f"{server}/#/forms/{quote(uid_of(form_key))}/{tab}"
