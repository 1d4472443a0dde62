"""One form of a server as Python calls: pages, sweeps, submissions by id, description, REST Services."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Unpack
from urllib.parse import quote

import msgspec

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.closing import Closing
from kobo_mirror.kobo.form_info import FormInfo, form_info
from kobo_mirror.kobo.lists import Action, Delivery, Service, listed
from kobo_mirror.kobo.pages import (
    Page,
    Swept,
    check_order,
    check_total,
    check_whole,
    cut_page,
    cut_swept_page,
)
from kobo_mirror.kobo.server import AS_JSON, KoboServer, ServerOptions
from kobo_mirror.kobo.session import Usage
from kobo_mirror.kobo.transport import Response, ResponseTooLargeError

__all__ = [
    "MOST_IN_ONE_QUERY",
    "FormInfo",
    "KoboClient",
    "Page",
    "ResponseTooLargeError",
    "Swept",
    "Usage",
    "open_form",
]

Hook = dict[str, Any]

MOST_IN_ONE_QUERY = 250
_ONLY_ID = {"limit": "1", "fields": '["_id"]'}
_MOVING = 3
_SWEPT = '["_id","_uuid","_validation_status"]'
_ASCENDING = '{"_id":1}'
_DESCENDING = '{"_id":-1}'


class KoboClient(Closing):
    """One form on one server, as one token sees it. Threads may share it.

    Every call may raise what the server's may. Leaving a ``with`` block closes the server's connections.
    """

    def __init__(self, server: KoboServer, asset_uid: str) -> None:
        self.server, self.asset_uid = server, asset_uid
        self._asset = f"/api/v2/assets/{quote(asset_uid, safe='')}"
        self._session = server.session(asset_uid)
        self.usage = self._session.usage
        self._sorts_downwards = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server.url!r}, asset_uid={self.asset_uid!r})"

    def close(self) -> None:
        """Close the server's idle connections."""
        self.server.close()

    def form(self) -> FormInfo:
        """The form's description."""
        return self._session.ask(f"{self._asset}.json", _decode_form, {})

    def page(self, *, after: int, upto: int | None = None, limit: int) -> Page:
        """The next whole submissions with ``after < _id <= upto``, ascending. An empty page is the end."""
        return self._range(after, upto, {"limit": str(limit)})

    def sweep_page(self, *, after: int, upto: int | None = None, limit: int = 1000) -> Page:
        """The same with ``_id``, ``_uuid`` and ``_validation_status`` only (kobo-api.md §1.1)."""
        return self._range(after, upto, {"limit": str(limit), "fields": _SWEPT}, cut_swept_page)

    def by_ids(self, ids: Sequence[int]) -> Page:
        """Those of at most 250 submissions that the server shows now, ascending."""
        page = self._in("_id", ids)
        if not set(ids).issuperset(page.ids):
            raise ServerError("The server ignored the query: it sent submissions that were not asked for.")
        return page

    def by_root_uuids(self, uuids: Sequence[str]) -> Page:
        """The same by root uuid, given without ``uuid:``."""
        return self._in("meta/rootUuid", [f"uuid:{uuid}" for uuid in uuids])

    def count(self, *, after: int = -1) -> int:
        """How many submissions the server shows: all, or those with ``_id > after``."""
        query = {"query": _json({"_id": {"$gt": after}})} if after >= 0 else {}
        return self._submissions({**query, **_ONLY_ID}, _not_cut_short).count

    def id_at(self, start: int, *, after: int = 0) -> int | None:
        """The ``_id`` at position ``start`` (from 0) of those above ``after``, ascending."""

        def check(page: Page) -> None:
            check_order(page, above=after)
            check_total(page, least=int(page.count > start))

        query = {"query": _json({"_id": {"$gt": after}}), "sort": _ASCENDING, "start": str(start)}
        return _only_id(self._submissions({**query, **_ONLY_ID}, check))

    def newest_id(self) -> int | None:
        """The highest ``_id`` that the server shows; None for a form without submissions.

        Sorting downwards takes some servers too long. Where it fails, and from then on, the last position of
        the ascending order is asked for.
        """
        if self._sorts_downwards:
            query = {"sort": _DESCENDING, **_ONLY_ID}
            try:
                return _only_id(self._submissions(query, _not_cut_short, repeat=False))
            except ServerError:
                newest = self._last_by_position()
                self._sorts_downwards = False
                return newest
        return self._last_by_position()

    def _last_by_position(self) -> int | None:
        for _ in range(_MOVING):
            total = self.count()
            if not total:
                return None
            if (newest := self.id_at(total - 1)) is not None:
                return newest
        raise ServerError("The form loses submissions faster than its newest one can be found.")

    def is_newest(self, kobo_id: int) -> bool:
        """Whether the server shows this submission, and none above it."""

        def check(page: Page) -> None:
            check_order(page, above=kobo_id - 1)
            _not_cut_short(page)

        query = {"query": _json({"_id": {"$gt": kobo_id - 1}}), "sort": _ASCENDING, **_ONLY_ID, "limit": "2"}
        page = self._submissions(query, check)
        return page.ids == [kobo_id] and page.count == 1

    def hooks(self) -> list[Hook]:
        """The form's REST Services (kobo-api.md §5.1).

        :raises NotPermittedError: this account may not manage them, or there is no such form: both look alike
            from here.
        """
        return list(listed(self._session, f"{self._asset}/hooks/", AS_JSON, Service))

    def create_hook(self, hook: Mapping[str, Any]) -> Hook:
        """Add a REST Service. Sent once: repeated after a lost answer, it would make two."""
        path = f"{self._asset}/hooks/"
        ask = self._session.ask
        return ask(path, _decode_hook, AS_JSON, method="POST", body=hook, repeat=False, managing=True)

    def patch_hook(self, uid: str, changes: Mapping[str, Any]) -> Hook:
        """Change the named fields of a REST Service."""
        ask = self._session.ask
        return ask(self._hook(uid), _decode_hook, AS_JSON, method="PATCH", body=changes, managing=True)

    def delete_hook(self, uid: str) -> None:
        """Remove a REST Service and its logs. Sent once: repeated, it would look like a lack of rights."""
        self._session.ask(self._hook(uid), _nothing, {}, method="DELETE", repeat=False, managing=True)

    def hook_logs(
        self, uid: str, status: int = 0, *, since: datetime | None = None
    ) -> Iterator[dict[str, Any]]:
        """What became of a REST Service's deliveries: 0 failed, 1 pending, 2 success (kobo-api.md §5.5).

        :param since: only logs that were touched then or later (UTC, naive).
        """
        params = {**AS_JSON, "status": str(status)} | ({"start_date": since.isoformat()} if since else {})
        return listed(self._session, f"{self._hook(uid)}logs/", params, Delivery)

    def history(self, search: str = "", *, most: int | None = None) -> Iterator[dict[str, Any]]:
        """The project's history, newest first (kobo-api.md §4).

        A search that the server cannot parse is no error there: it finds nothing.

        :raises NotPermittedError: this account does not manage the form.
        """
        params = {**AS_JSON, "q": search} if search else AS_JSON
        rows = listed(self._session, f"{self._asset}/history/", params, Action, limit=most or 1000)
        return islice(rows, most)

    def _hook(self, uid: str) -> str:
        return f"{self._asset}/hooks/{quote(uid, safe='')}/"

    def _range(
        self, after: int, upto: int | None, params: Mapping[str, str], cut: Callable[..., Page] = cut_page
    ) -> Page:
        def check(page: Page) -> None:
            check_order(page, above=after, upto=upto)
            _not_cut_short(page)
            if cut is cut_page:
                check_whole(page)

        bounds = {"$gt": after} if upto is None else {"$gt": after, "$lte": upto}
        query = {"query": _json({"_id": bounds}), "sort": _ASCENDING, **params}
        return self._submissions(query, check, cut)

    def _in(self, key: str, values: Sequence[int] | Sequence[str]) -> Page:
        if len(values) > MOST_IN_ONE_QUERY:
            raise ValueError(f"at most {MOST_IN_ONE_QUERY} submissions may be asked for at once")

        def check(page: Page) -> None:
            check_order(page)
            check_total(page, least=page.count)
            check_whole(page)

        query = {"query": _json({key: {"$in": values}}), "sort": _ASCENDING, "limit": str(MOST_IN_ONE_QUERY)}
        return self._submissions(query, check)

    def _submissions(
        self,
        params: Mapping[str, str],
        check: Callable[[Page], None],
        cut: Callable[..., Page] = cut_page,
        *,
        repeat: bool = True,
    ) -> Page:
        def decode(answer: Response) -> Page:
            page = cut(answer.body, wire=answer.wire)
            check(page)
            return page

        return self._session.ask(f"{self._asset}/data.json", decode, params, repeat=repeat)


def open_form(url: str, token: str, asset_uid: str, **options: Unpack[ServerOptions]) -> KoboClient:
    """A client for one form on a server of its own; parameters and errors are :class:`KoboServer`'s."""
    return KoboClient(KoboServer(url, token, **options), asset_uid)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _decode_form(answer: Response) -> FormInfo:
    return form_info(answer.body)


def _decode_hook(answer: Response) -> Hook:
    return msgspec.json.decode(answer.body, type=Hook)


def _nothing(answer: Response) -> None:
    return None


def _not_cut_short(page: Page) -> None:
    check_total(page, least=min(page.count, 1))


def _only_id(page: Page) -> int | None:
    return page.ids[0] if page.ids else None
