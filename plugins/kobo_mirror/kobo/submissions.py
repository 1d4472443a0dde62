"""The submissions of one form: pages in the order of ``_id``, sweeps, submissions by id, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypedDict, Unpack
from urllib.parse import quote

import msgspec

from kobo_mirror.config.setting_names import SettingNames
from kobo_mirror.errors import ServerError, ServerFailedError
from kobo_mirror.kobo import pages
from kobo_mirror.kobo.apart import Apart
from kobo_mirror.kobo.closable import Closable
from kobo_mirror.kobo.pages import Page, check_order, check_total, check_whole, cut_page
from kobo_mirror.kobo.server import KoboServer
from kobo_mirror.kobo.transport import Response
from kobo_mirror.kobo.without_point import read_without_point
from kobo_mirror.kobo.xml_keys import Keys, keys_of

MOST_IN_ONE_QUERY = 250
"""How many ids or root uuids a query may name: an address may have about 16 KB (kobo-api.md §1.2)."""
_ONLY_ID = {"limit": "1", "fields": '["_id"]'}
_TRIES_WHILE_IT_SHRINKS, _TRIES_ALONE = 3, 2
_SWEPT = '["_id","_uuid","_validation_status"]'
_FILES = '["_id","_attachments"]'
_ASCENDING, _DESCENDING = '{"_id":1}', '{"_id":-1}'


class _Tries(TypedDict, total=False):
    """How often a request is sent, see ``Session.ask``."""

    repeat: bool
    tries_at_500: int | None


class FormSubmissions(Closable):
    """Asks a server for the submissions of one form. Threads may share it.

    :param server: the account that asks.
    :param asset_uid: the form's uid.
    :param form_key: by which the database has the form; empty: by its uid.
    :param names: of the settings that give account and form; None: those of the server.
    """

    def __init__(
        self, server: KoboServer, asset_uid: str, form_key: str = "", names: SettingNames | None = None
    ) -> None:
        self.server, self.asset_uid, self.form_key = server, asset_uid, form_key or asset_uid
        self._asset = f"/api/v2/assets/{quote(asset_uid, safe='')}"
        self._session = server.session(asset_uid, names)
        self.usage = self._session.usage
        self._sorts_downwards = True
        self._apart = Apart(self._those, self.alone, most_at_once=MOST_IN_ONE_QUERY)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server.url!r}, asset_uid={self.asset_uid!r})"

    def close(self) -> None:
        """Close the server's idle connections."""
        self.server.close()

    def page(self, *, after: int, upto: int | None = None, limit: int) -> Page:
        """Return the next whole submissions with ``after < _id <= upto``, ascending (kobo-api.md §1.3).

        One that the server cannot send is read without ``_geolocation``, or named in the page's ``unsent``.

        :param after: the ``_id`` that all of them lie above.
        :param upto: the highest ``_id`` to be returned; None for no end.
        :param limit: submissions at most, up to 1000 (kobo-api.md §1.1).
        :returns: an empty page where there are no more.
        """
        return self._range_or_apart(after, upto, {"limit": str(limit)}, cut_page)

    def sweep_page(self, *, after: int, upto: int | None = None, limit: int = 1000) -> Page:
        """Return the same with ``_id``, ``_uuid`` and ``_validation_status`` only (kobo-api.md §1.1).

        :param after: the ``_id`` that all of them lie above.
        :param upto: the highest ``_id`` to be returned; None for no end.
        :param limit: submissions at most, up to 1000.
        :returns: an empty page where there are no more.
        """
        return self._range(after, upto, {"limit": str(limit), "fields": _SWEPT}, pages.cut_swept_page)

    def files_page(self, *, after: int, upto: int | None = None, limit: int = 1000) -> Page:
        """Return the same with ``_id`` and ``_attachments`` (kobo-api.md §7), and what is added to these.

        :param after: the ``_id`` that all of them lie above.
        :param upto: the highest ``_id`` to be returned; None for no end.
        :param limit: submissions at most, up to 1000.
        :returns: an empty page where there are no more; ``unsent`` as for a page.
        """
        return self._range_or_apart(
            after, upto, {"limit": str(limit), "fields": _FILES}, pages.cut_files_page
        )

    def by_ids(self, ids: Sequence[int]) -> Page:
        """Return those of some submissions that the server shows now, ascending; ``unsent`` as for a page.

        :param ids: their ``_id``, at most :data:`MOST_IN_ONE_QUERY`.
        """
        page = self._in_or_apart("_id", ids)
        if not set(ids).issuperset(page.shown):
            raise ServerError("The server ignored the query: it sent submissions that were not asked for.")
        return page

    def alone(self, kobo_id: int) -> Page:
        """Return one submission, asked for at once without ``_geolocation`` if the server fails to send it.

        :param kobo_id: its ``_id``.
        :returns: a page of it; one without rows if the server does not show it; in ``unsent``, if it does and
            cannot send it.
        :raises ServerError: the server is down.
        """
        for _ in range(_TRIES_ALONE):
            try:
                return self._those([kobo_id])
            except ServerFailedError:
                page = read_without_point(kobo_id, self._keys, self._fields)
            if page is not None:
                return page
            if not self.shown_among([kobo_id]):
                return Page([], [], 0, 0, 0)
        return Page([], [], 1, 0, 0, unsent=[kobo_id])

    def expect_unsent(self, ids: Iterable[int]) -> None:
        """Go on, however many of these the server cannot send: that is known of them.

        :param ids: their ``_id``.
        """
        self._apart.expect(ids)

    def shown_among(self, ids: Sequence[int]) -> list[int]:
        """Return which of some submissions the server shows, whether or not it can send them.

        :param ids: their ``_id``, at most :data:`MOST_IN_ONE_QUERY`.
        """
        return self._in("_id", ids, fields=_SWEPT).ids

    def by_root_uuids(self, uuids: Sequence[str]) -> Page:
        """Return those of some submissions that the server shows now, ascending; ``unsent`` as for a page.

        :param uuids: their root uuids without ``uuid:``, at most :data:`MOST_IN_ONE_QUERY`.
        """
        return self._in_or_apart("meta/rootUuid", [f"uuid:{uuid}" for uuid in uuids])

    def count(self, *, after: int = -1) -> int:
        """Return how many submissions the server shows (kobo-api.md §1.2).

        :param after: count those with a higher ``_id`` only; all if negative.
        """
        query = {"query": _json({"_id": {"$gt": after}})} if after >= 0 else {}
        return self._submissions({**query, **_ONLY_ID}, _not_cut_short).count

    def id_at(self, start: int, *, after: int = 0) -> int | None:
        """Return the ``_id`` at a position in ascending order, None beyond the end.

        :param start: the position, from 0.
        :param after: the ``_id`` above which positions are counted.
        """

        def check(page: Page) -> None:
            check_order(page, above=after)
            check_total(page, least=int(page.count > start))

        query = {"query": _json({"_id": {"$gt": after}}), "sort": _ASCENDING, "start": str(start)}
        return _only_id(self._submissions({**query, **_ONLY_ID}, check))

    def newest_id(self) -> int | None:
        """Return the highest ``_id`` that the server shows, None for a form without submissions.

        Sorting downwards takes some servers too long (kobo-api.md §1.1). Once it has failed, the last
        position of the ascending order is asked for instead.
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
        for _ in range(_TRIES_WHILE_IT_SHRINKS):
            total = self.count()
            if not total:
                return None
            if (newest := self.id_at(total - 1)) is not None:
                return newest
        raise ServerError("The form loses submissions faster than its newest one can be found.")

    def is_newest(self, kobo_id: int) -> bool:
        """Return True if the server shows a submission, and none with a higher ``_id``.

        :param kobo_id: the submission's ``_id``.
        """

        def check(page: Page) -> None:
            check_order(page, above=kobo_id - 1)
            _not_cut_short(page)

        query = {"query": _json({"_id": {"$gt": kobo_id - 1}}), "sort": _ASCENDING, **_ONLY_ID, "limit": "2"}
        page = self._submissions(query, check)
        return page.ids == [kobo_id] and page.count == 1

    def _those(self, ids: Sequence[int]) -> Page:
        return self._in("_id", ids, tries_at_500=1)

    def _keys(self, kobo_id: int) -> Keys:
        return self._session.ask(
            f"{self._asset}/data/{kobo_id}.xml", lambda response: keys_of(response.body), {}, repeat=False
        )

    def _fields(self, kobo_id: int, fields: str) -> Page:
        return self._in("_id", [kobo_id], fields=fields, tries_at_500=1)

    def _range(
        self,
        after: int,
        upto: int | None,
        params: Mapping[str, str],
        cut: Callable[..., Page] = cut_page,
        **how: Unpack[_Tries],
    ) -> Page:
        def check(page: Page) -> None:
            check_order(page, above=after, upto=upto)
            _not_cut_short(page)
            if cut is cut_page:
                check_whole(page)

        bounds = {"$gt": after} if upto is None else {"$gt": after, "$lte": upto}
        query = {"query": _json({"_id": bounds}), "sort": _ASCENDING, **params}
        return self._submissions(query, check, cut, **how)

    def _range_or_apart(
        self, after: int, upto: int | None, params: Mapping[str, str], cut: Callable[..., Page]
    ) -> Page:
        swept = {**params, "fields": _SWEPT}
        return self._apart.ask(
            lambda tries_at_500: self._range(after, upto, params, cut, tries_at_500=tries_at_500),
            lambda: self._range(after, upto, swept, pages.cut_swept_page, repeat=False),
            is_walk=True,
        )

    def _in_or_apart(self, key: str, values: Sequence[int] | Sequence[str]) -> Page:
        return self._apart.ask(
            lambda tries_at_500: self._in(key, values, tries_at_500=tries_at_500),
            lambda: self._in(key, values, fields=_SWEPT, repeat=False),
            is_walk=False,
        )

    def _in(
        self,
        key: str,
        values: Sequence[int] | Sequence[str],
        *,
        fields: str | None = None,
        **how: Unpack[_Tries],
    ) -> Page:
        if len(values) > MOST_IN_ONE_QUERY:
            raise ValueError(f"at most {MOST_IN_ONE_QUERY} submissions may be asked for at once")

        def check(page: Page) -> None:
            check_order(page)
            check_total(page, least=page.count)
            if fields is None:
                check_whole(page)

        query = {"query": _json({key: {"$in": values}}), "sort": _ASCENDING, "limit": str(MOST_IN_ONE_QUERY)}
        projected = {} if fields is None else {"fields": fields}
        return self._submissions({**query, **projected}, check, **how)

    def _submissions(
        self,
        params: Mapping[str, str],
        check: Callable[[Page], None],
        cut: Callable[..., Page] = cut_page,
        **how: Unpack[_Tries],
    ) -> Page:
        def decode(response: Response) -> Page:
            page = cut(response.body, wire=response.wire)
            check(page)
            return page

        return self._session.ask(f"{self._asset}/data.json", decode, params, **how)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _not_cut_short(page: Page) -> None:
    check_total(page, least=min(page.count, 1))


def _only_id(page: Page) -> int | None:
    return page.ids[0] if page.ids else None
