"""Deliveries: the address that those of one form are posted to, and the secret that they show.

The form of ``KOBO_ASSET_ID`` has the address and the secret of the settings. Any other form has a path and a
secret of its own, which follow from these and its form key, so that nothing of it is stored.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit


def form_secret(secret: str, form_key: str) -> str:
    """Return the secret of the deliveries to the path of one form: it opens no other one.

    :param secret: ``WEBHOOK_SECRET``, or ``WEBHOOK_SECRET_PREVIOUS`` while that is being replaced.
    :param form_key: by which the database has the form.
    :returns: HMAC-SHA256 of the form key, as 64 hexadecimal digits; empty where no secret is set.

    >>> form_secret("a secret", "aBcD~2")
    'ad55ec8fc6e59061f16f4e6c9ca5c88f2469c9ebc27be4e1e2d3503da02debf1'
    """
    if not secret:
        return ""
    return hmac.new(secret.encode(), form_key.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def form_endpoint(endpoint: str, form_key: str) -> str:
    """Return the address of one form's deliveries.

    :param endpoint: that of the webhook, ``REAL_TIME_POST_ENDPOINT_URL``.
    :param form_key: by which the database has the form.

    >>> form_endpoint("https://mirror.example.org/api/real-time-updates", "aBcD~2")
    'https://mirror.example.org/api/real-time-updates/aBcD~2'
    """
    parts = urlsplit(endpoint)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{form_key}").geturl()
