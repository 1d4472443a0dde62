"""What a token may see of a form, and the errors where it may not."""

from __future__ import annotations

import pytest

from kobo_mirror.errors import CredentialsError, NotPermittedError, RequestError
from kobo_mirror.kobo.form import KoboClient, open_form
from simulator.process import SimulatorProcess


def test_the_form_and_the_account(client: KoboClient, simulator: SimulatorProcess) -> None:
    form = client.form()
    assert form.uid == simulator.asset
    assert form.name
    assert form.submission_count == 30
    assert form.deployed
    assert not form.restricted
    assert {"view_submissions", "change_asset"} <= form.permissions
    assert form.owner == client.server.whoami()
    assert form.deployed_version_id


def test_a_form_says_whether_it_asks_for_media(client: KoboClient, simulator: SimulatorProcess) -> None:
    assert not client.form().has_media
    simulator.control.form(media=True)
    assert client.form().has_media


@pytest.mark.parametrize("permissions", [["view_asset", "partial_submissions"], ["view_asset"]])
def test_an_account_that_sees_only_some_submissions_is_told_apart(
    permissions: list[str], simulator: SimulatorProcess
) -> None:
    token = "5eed0000demo0000sees0some0only0000000000"
    simulator.control.user(token, "partial", permissions, only_submitted_by=["someone"])
    with open_form(simulator.url, token, simulator.asset) as client:
        assert client.form().restricted


def test_a_wrong_token(simulator: SimulatorProcess) -> None:
    with open_form(simulator.url, "0" * 40, simulator.asset) as client:
        for call in (client.form, client.count, client.hooks, client.newest_id):
            with pytest.raises(CredentialsError, match="KOBO_TOKEN was refused"):
                call()


def test_another_users_token(simulator: SimulatorProcess) -> None:
    other = "5eed0000demo0000of0another0user000000000"
    with open_form(simulator.url, other, simulator.asset) as client:
        for call in (client.form, client.count):
            with pytest.raises(CredentialsError, match=r"no such form .* or KOBO_TOKEN belongs to"):
                call()


def test_an_unknown_form(simulator: SimulatorProcess) -> None:
    with open_form(simulator.url, simulator.token, "aNoSuchFormAnywhere001") as client:
        for call in (client.form, client.count):
            with pytest.raises(CredentialsError, match="no form 'aNoSuchFormAnywhere001'"):
                call()


def test_a_form_that_is_not_deployed_yet(client: KoboClient, simulator: SimulatorProcess) -> None:
    simulator.control.form(deployed=False)
    assert not client.form().deployed
    with pytest.raises(RequestError, match="not deployed yet"):
        client.count()


def test_a_viewer_reads_submissions_and_no_rest_services(simulator: SimulatorProcess) -> None:
    viewer = "5eed0000demo0000may0only0view00000000000"
    with open_form(simulator.url, viewer, simulator.asset) as client:
        assert client.count() == 30
        with pytest.raises(NotPermittedError):
            client.hooks()
