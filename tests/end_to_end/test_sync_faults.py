"""A server that fails now and then, or for good: nothing is lost, and what is said is clear."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.errors import CredentialsError, KoboMirrorError, ServerError
from simulator.options import Options
from tests.support.mirroring import Mirroring
from tests.support.tables import records

DEFAULTS = Options()
OTHER_USER, VIEWER = DEFAULTS.other_token, DEFAULTS.viewer_token
FAULTS = [
    ("429", {"count": 2, "retry_after": 7}),
    ("429", {"count": 1}),
    ("500", {"count": 3}),
    ("502", {"count": 3}),
    ("503", {"count": 3, "retry_after": 1}),
    ("504", {"count": 3}),
    ("html", {"count": 2}),
    ("half", {"count": 3}),
    ("drop", {"count": 3}),
    ("repeat", {"count": 2, "after": 1}),
    ("slow", {"count": 2, "seconds": 0.3}),
    ("400", {"count": 2}),
    ("short", {"count": 2}),
]


@pytest.mark.parametrize(("kind", "options"), FAULTS)
def test_a_temporary_fault_is_waited_out_and_nothing_is_lost(
    embedded: Mirroring, kind: str, options: dict[str, Any]
) -> None:
    embedded.simulator.control.faults.add(kind, path=r"limit=100", **options)
    assert embedded.sync(page_size=100)["inserted"] == 300
    assert embedded.simulator.control.faults.list()[0]["struck"] == options["count"]
    embedded.simulator.control.faults.clear()
    assert embedded.verify().equal
    if "retry_after" in options:
        assert options["retry_after"] in embedded.slept


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("401", CredentialsError, "KOBO_TOKEN"),
        ("404", CredentialsError, "KOBO_ASSET_ID"),
        ("404-html", CredentialsError, "KOBO_ASSET_ID"),
        ("403", CredentialsError, "sign in there once to see why"),
        ("500", ServerError, "busy or down: it answered 500"),
        ("429", ServerError, "busy or down: it answered 429"),
        ("html", ServerError, "something else than the JSON"),
        ("half", ServerError, "broke off its answer|gzip|something else"),
        ("drop", ServerError, "could not be reached, or broke off"),
    ],
)
def test_a_lasting_fault_is_one_clear_error_and_the_next_sync_continues(
    embedded: Mirroring, kind: str, error: type[KoboMirrorError], said: str
) -> None:
    embedded.simulator.control.faults.add(kind, count=None, after=4, path=r"data\.json")
    with pytest.raises(error, match=said) as caught:
        embedded.sync(embedded.client(attempts=2), page_size=50)
    assert embedded.simulator.token not in str(caught.value)
    held = set(records(embedded.engine))
    embedded.simulator.control.faults.clear()
    assert len(held) + embedded.sync(page_size=50)["inserted"] >= 300
    assert embedded.verify().equal


def test_a_server_that_forgets_the_query_moves_no_cursor(embedded: Mirroring) -> None:
    """An empty answer in place of a page is not the end of the form."""
    embedded.simulator.control.faults.add("empty", count=1, after=5, path=r"data\.json\?.*limit=50")
    embedded.sync(embedded.client(attempts=2), page_size=50)
    embedded.simulator.control.faults.clear()
    assert embedded.verify().equal


def test_the_same_page_again_and_again_moves_no_cursor(embedded: Mirroring) -> None:
    embedded.simulator.control.faults.add("repeat", count=None, after=3, path=r"limit=50")
    with pytest.raises(ServerError, match="ignored the query"):
        embedded.sync(embedded.client(attempts=2), page_size=50)
    embedded.simulator.control.faults.clear()
    pages = [one for one in embedded.simulator.control.requests() if "limit=50" in one["query"]]
    stored = {one["query"] for one in pages if not one["fault"]}
    assert len(records(embedded.engine)) == 50 * len(stored) > 0
    assert embedded.sync(page_size=50)["inserted"] == 300  # one run, in two goes
    assert embedded.verify().equal


def test_another_users_token(embedded: Mirroring) -> None:
    with pytest.raises(CredentialsError, match="KOBO_ASSET_ID"):
        embedded.sync(embedded.client(token=OTHER_USER))
    assert records(embedded.engine) == {}


def test_a_viewers_token_is_enough(embedded: Mirroring) -> None:
    assert embedded.sync(embedded.client(token=VIEWER))["inserted"] == 300
    embedded.simulator.control.edit(embedded.simulator.control.ids()[:2], cd_age="33")
    assert embedded.sync(embedded.client(token=VIEWER))["updated"] == 2
    assert embedded.verify().equal
