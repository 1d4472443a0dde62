"""The page as HTML, in one of its languages."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kobo_mirror.airflow.page.texts import Words

FOLDER = Path(__file__).parent
STATIC = {
    "page.js": "text/javascript",
    "forms.js": "text/javascript",
    "page.css": "text/css",
    "uPlot.iife.min.js": "text/javascript",
    "uPlot.min.css": "text/css",
}
"""The page's files, with their types."""

_SCRIPT_TEXTS = ("asked", "asked_paused", "colon", "copied", "detail", "failed", "shown", "stale_page")
_TEMPLATE_HELPERS = (
    "say",
    "number",
    "decimal",
    "duration",
    "of_failure",
    "of_kind",
    "of_cell",
    "of_letter",
    "of_step",
    "of_versions",
    "named",
)
_templates = Environment(
    loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined
)
_version = blake2b(
    b"".join((FOLDER / "static" / name).read_bytes() for name in STATIC), digest_size=6
).hexdigest()


def page_of(language: str, **seen: Any) -> str:
    """Return the page as HTML.

    :param language: a key of ``texts.TEXTS``.
    :param seen: what the template shows, by name.
    """
    return _rendered("page.html", language, version=_version, words=_script_texts(language), **seen)


def list_of_forms(language: str, **seen: Any) -> str:
    """Return the list of all forms as HTML.

    :param language: a key of ``texts.TEXTS``.
    :param seen: what the template shows, by name.
    """
    return _rendered("forms.html", language, version=_version, words=_script_texts(language), **seen)


def account_page(language: str, **seen: Any) -> str:
    """Return the list of the account's forms as HTML.

    :param language: a key of ``texts.TEXTS``.
    :param seen: what the template shows, by name.
    """
    return _rendered("account.html", language, version=_version, words=_script_texts(language), **seen)


def refusal(language: str, status: int) -> str:
    """Return a page that says why nothing is shown.

    :param language: a key of ``texts.TEXTS``.
    :param status: of the HTTP response.
    """
    return _rendered("refused.html", language, status=status)


def _rendered(template: str, language: str, **seen: Any) -> str:
    words = Words(language)
    helpers = {name: getattr(words, name) for name in _TEMPLATE_HELPERS}
    return _templates.get_template(template).render(t=words.texts, language=language, **helpers, **seen)


def _script_texts(language: str) -> str:
    texts = Words(language).texts
    names = [*_SCRIPT_TEXTS, *(name for name in texts if name.startswith("not_done_"))]
    return json.dumps({name: texts[name] for name in names}, ensure_ascii=False)
