"""``limit``, ``start`` and the links of a page (kobo-api.md §1.1, §1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

import falcon

from simulator.responses import Problem

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def params_of(req: falcon.Request) -> dict[str, str]:
    """Return the parameters of a request; of a repeated one the last counts.

    :param req: the request.
    """
    return dict(parse_qsl(req.query_string, keep_blank_values=True))


def base_url(req: falcon.Request) -> str:
    """Return scheme and host that the client used, with which all links of the real server start.

    :param req: the request.
    """
    return str(req.prefix)


@dataclass(frozen=True)
class Page:
    """The page that a client asked for, and the links to those before and after it.

    :param url: the address without parameters.
    :param params: the request's parameters.
    :param start: the position of the first row, from 0.
    :param limit: at most so many rows.
    """

    url: str
    params: Mapping[str, str]
    start: int
    limit: int

    @classmethod
    def of(cls, req: falcon.Request) -> Page:
        """Read a request.

        :param req: the request.
        :returns: its page; the limit is cut to ``MAX_LIMIT``.
        :raises Problem: 400 for a limit under 1, a start under 0, or one that is no number.
        """
        params = params_of(req)
        start = _number(params.get("start", "0"), 0, "start", "A positive integer is required.")
        limit = _number(params.get("limit", str(DEFAULT_LIMIT)), 1, "limit", "A positive integer is required")
        return cls(f"{req.prefix}{req.context.asked_path}", params, start, min(limit, MAX_LIMIT))

    def links(self, count: int) -> tuple[str | None, str | None]:
        """Return the links ``next`` and ``previous``.

        Like the real server's they follow ``offset`` and ``page``, although the rows do not.

        :param count: how many rows match in all.
        """
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
        """Return the JSON object around the rows of a page.

        :param count: how many rows match in all.
        :param results: the rows of this page.
        """
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
