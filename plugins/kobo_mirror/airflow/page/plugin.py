"""What Airflow loads of the page, by the entry point ``airflow.plugins``.

Every process of Airflow loads it, so it imports next to nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/kobo-mirror"


class LateApp:
    """The application, made at its first request: only the API server has requests."""

    @cached_property
    def _app(self) -> Any:
        from kobo_mirror.airflow.page.app import create_app

        return create_app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)


class KoboMirrorPage(AirflowPlugin):
    """The page "Kobo Mirror" in the menu "Browse"."""

    name = "kobo_mirror_page"
    fastapi_apps = [  # noqa: RUF012  # Airflow's own way to declare them
        {"app": LateApp(), "url_prefix": PREFIX, "name": "Kobo Mirror"}
    ]
    external_views = [  # noqa: RUF012
        {
            "name": "Kobo Mirror",
            "href": f"{PREFIX.lstrip('/')}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "kobo-mirror",
        }
    ]
