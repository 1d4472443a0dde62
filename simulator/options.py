"""The options that a simulator is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEMO_TOKEN = "5eed0000demo0000not0a0real0token00000000"  # noqa: S105  # made up
DEMO_ASSET = "aInkomokoDemoSurvey001"
HOUSEHOLD_FILE = str(Path(__file__).parent / "forms" / "household.json")
HOUSEHOLD_ASSET = "aInkomokoDemoHouse0001"
"""The second form of the demo: nested repeats, every type, two versions, files."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command line, under the same names.

    :param host: the address to listen on.
    :param port: the port to listen on; 0: any free one.
    :param rows: submissions to start with.
    :param seed: what the generated submissions depend on.
    :param token: the form owner's token.
    :param asset: the form's uid.
    :param other_token: the token of a user without any permission.
    :param viewer_token: the token of a user who may only view form and data.
    :param media: the form has a question for a photo.
    :param lookback_days: how far back the history shows.
    :param hook_time_scale: factor on the delays of REST Services (60 s and more between tries, 120 s before
        one by hand).
    :param hook_timeout: seconds that a delivery waits for its response, 30 as on the real server.
    :param url: scheme and host of the addresses of files; empty: where it listens.
    :param form: files with forms to serve in place of the survey.
    :param survey: the survey is served beside the forms of files, as the first one.
    :param open_control: the control API also answers to other machines, as a container needs.
    :param ready_file: a file that is written once the server answers; empty: none.
    """

    host: str = "127.0.0.1"
    port: int = 8800
    rows: int = 5000
    seed: int = 7
    token: str = DEMO_TOKEN
    asset: str = DEMO_ASSET
    other_token: str = "5eed0000demo0000of0another0user000000000"  # noqa: S105  # made up
    viewer_token: str = "5eed0000demo0000may0only0view00000000000"  # noqa: S105  # made up
    media: bool = False
    lookback_days: int = 744
    hook_time_scale: float = 1.0
    hook_timeout: float = 30.0
    url: str = ""
    form: tuple[str, ...] = ()
    survey: bool = False
    open_control: bool = False
    ready_file: str = ""
