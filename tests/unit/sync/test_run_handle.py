"""A run's handle survives plain JSON, which is all that Airflow's XCom promises."""

from __future__ import annotations

import json

import pytest

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.sync.run_handle import RunHandle

HANDLE = RunHandle("kobo_sync scheduled__1", 7, 3, "exact", resumed=True)


def test_it_survives_json() -> None:
    assert RunHandle.from_json(json.loads(json.dumps(HANDLE.to_json()))) == HANDLE


def test_a_key_of_a_newer_release_is_ignored() -> None:
    assert RunHandle.from_json(HANDLE.to_json() | {"newer": 1}) == HANDLE


@pytest.mark.parametrize("lacking", list(HANDLE.to_json()))
def test_what_it_lacks_is_named(lacking: str) -> None:
    data = {name: value for name, value in HANDLE.to_json().items() if name != lacking}
    with pytest.raises(ConfigurationError, match=f"lacks {lacking}: pass on what"):
        RunHandle.from_json(data)
