"""``python -m simulator``: start the simulated server."""

from __future__ import annotations

import argparse
from dataclasses import fields

from simulator.form_file import FormFileError, read_forms
from simulator.options import Options
from simulator.server import serve

_HELP = {
    "host": "address to listen on",
    "port": "port to listen on, 0 = any free one",
    "rows": "submissions of each form to start with, where its file does not say it",
    "seed": "what the generated submissions depend on",
    "token": "the form owner's token",
    "asset": "the survey's uid",
    "other_token": "token of a user who may see nothing",
    "viewer_token": "token of a user who may only view form and data",
    "media": "the survey has a question for a photo",
    "lookback_days": "how far back the history shows",
    "hook_time_scale": "factor on the delays between tries of a delivery",
    "hook_timeout": "seconds that a delivery waits for its response",
    "url": "scheme and host of the addresses of files",
    "form": "a form to serve in place of the survey: its content as JSON, or its versions and submissions; "
    "may be repeated",
    "survey": "serve the survey beside the forms of --form",
    "open_control": "answer control requests of other machines, too",
    "ready_file": "write url, token and asset to this file once the server answers",
}


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="A KoboToolbox server to try things with."
    )
    for option in fields(Options):
        name, default = f"--{option.name.replace('_', '-')}", option.default
        if isinstance(default, bool):
            parser.add_argument(name, action="store_true", help=_HELP[option.name])
        elif isinstance(default, tuple):
            parser.add_argument(name, action="append", default=[], metavar="FILE", help=_HELP[option.name])
        else:
            help_ = f"{_HELP[option.name]} (default: {default or 'none'})"
            parser.add_argument(name, type=type(default), default=default, help=help_)
    given = vars(parser.parse_args())
    options = Options(**given | {"form": tuple(given["form"])})
    try:
        setups = read_forms(options)
    except FormFileError as problem:
        parser.exit(2, f"{parser.prog}: {problem}\n")
    serve(options, setups)


if __name__ == "__main__":
    main()
