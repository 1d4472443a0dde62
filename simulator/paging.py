"""``limit``, ``start`` and the links of a page (kobo-api.md §1.1, §1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

import falcon

from simulator.answers import Problem

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def params_of(req: falcon.Request) -> dict[str, str]:
    """The parameters of a request; of a repeated one the last counts."""
    return dict(parse_qsl(req.query_string, keep_blank_values=True))


def base_url(req: falcon.Request) -> str:
    """Scheme and host that the client used, as all links of the real server start."""
    return str(req.prefix)


@dataclass(frozen=True)
class Page:
    """What a client asked for, and the links to what is before and after it."""

    url: str
    params: Mapping[str, str]
    start: int
    limit: int

    @classmethod
    def of(cls, req: falcon.Request) -> Page:
        """Read a request.

        :raises Problem: 400 for a limit under 1, a start under 0 or what is no number.
        """
        params = params_of(req)
        start = _number(params.get("start", "0"), 0, "start", "A positive integer is required.")
        limit = _number(params.get("limit", str(DEFAULT_LIMIT)), 1, "limit", "A positive integer is required")
        return cls(f"{req.prefix}{req.context.asked_path}", params, start, min(limit, MAX_LIMIT))

    def links(self, count: int) -> tuple[str | None, str | None]:
        """``next`` and ``previous``, which believe in ``offset`` and ``page`` although the rows do not."""
        params = dict(self.params)
        limit = self.limit if "limit" in params or "page_size" not in params else int(params["page_size"])
        at = self.start
        if "offset" in params:
            at = int(params["offset"])
        elif "page" in params:
            at = (int(params["page"]) - 1) * limit
        params["limit"] = str(limit)
        following = self._link(params | {"start": str(at + limit)}) if at + limit < count else None
        if at <= 0:
            return following, None
        params.pop("start", None)
        return following, self._link(params | ({"start": str(at - limit)} if at > limit else {}))

    def envelope(self, count: int, results: list[object]) -> dict[str, object]:
        """The JSON object around the rows of a page."""
        following, previous = self.links(count)
        return {"count": count, "next": following, "previous": previous, "results": results}

    def _link(self, params: Mapping[str, str]) -> str:
        return f"{self.url}?{urlencode(sorted(params.items()))}"


def _number(text: str, least: int, name: str, message: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise Problem(400, {name: message})
    return number
