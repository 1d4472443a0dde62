"""The commands of the command line and their options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from kobo_mirror import __version__
from kobo_mirror.config.policies import POLICIES
from kobo_mirror.store.mode_names import AUTO, EXACT, INCREMENTAL, mode_of
from kobo_mirror.submissions.document import HIGHEST_ID

Command = Callable[[argparse.Namespace], int]
"""Carries out a command; returns the exit code."""

_HELP: Mapping[str, str] = {
    "migrate": "create our tables or bring them to the newest revision",
    "sync": "read what is new and what has changed into the database",
    "plan": "show what new versions of the form ask of its tables, and what waits for a person",
    "apply": "apply the plan that waits under a code",
    "verify": "prove that the database equals the form; changes no row of it without --repair",
    "status": "show the state of the mirror, from the database alone",
    "replay": "process dead letters again, and ask again for rejected submissions",
    "register-webhook": "have new submissions posted to the webhook",
    "forms": "list the forms of the account, name some in kobo.yml, or take one out",
    "export": "write what the tables of a form hold to a file: CSV, XLSX, Parquet or GeoJSON",
    "codebook": "say what each column and choice of a form means: CSV, data package or dbt sources",
    "run": "do everything: migrate, serve the webhook, register it, and sync at intervals",
}


_INSTALLED = "kobo-mirror"
_DIGITS = len(str(HIGHEST_ID))


def _started_as(program: str) -> str:
    """Return what a person types to start this program: the installed command, or the module.

    :param program: the path that the interpreter was given.
    """
    return _INSTALLED if Path(program).stem == _INSTALLED else "python -m kobo_mirror"


def parser_of(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return the parser of the command line; its result names the function to call as ``command``.

    :param commands: the function of each command, by the command's name.
    """
    parser = argparse.ArgumentParser(
        prog=_started_as(sys.argv[0]), description="Keep a SQL database equal to a KoboToolbox form."
    )
    parser.add_argument("--version", action="version", version=f"kobo-mirror {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="command")
    for name, help_text in _HELP.items():
        sub = subparsers.add_parser(name, help=help_text, description=help_text)
        sub.set_defaults(command=commands[name])
        _add_options(sub, name)
    return parser


def _add_options(sub: argparse.ArgumentParser, name: str) -> None:
    if name == "forms":
        _add_options_of_forms(sub)
    elif name in ("export", "codebook"):
        _add_options_of_exports(sub, name)
    elif name != "migrate":
        sub.add_argument(
            "--form",
            metavar="FORM",
            help="only the form of this table or uid; otherwise all that are mirrored",
        )
    _add_options_of_plans(sub, name)
    if name == "sync":
        sub.add_argument(
            "--mode",
            type=mode_of,
            choices=(AUTO, INCREMENTAL, EXACT),
            default=AUTO,
            help="exact also finds edits and deletes; incremental was called usual, which still serves",
        )
        sub.add_argument(
            "--since", type=_id, metavar="ID", help="read every submission with a greater _id again"
        )
    if name in ("verify", "status", "sync", "plan"):
        sub.add_argument("--json", action="store_true", help="print the result as JSON")
    if name == "verify":
        sub.add_argument("--full", action="store_true", help="compare every answer, not only digests")
        sub.add_argument(
            "--repair",
            action="store_true",
            help="ask the server again for what differs, then compare again",
        )
        sub.add_argument("--strict", action="store_true", help="a rejection counts as a difference")
    if name == "replay":
        sub.add_argument("what", choices=("dead-letters", "rejections", "all"), nargs="?", default="all")
        sub.add_argument("--id", type=_id, action="append", default=[], help="only this one; may be repeated")
        sub.add_argument("--reason", default="", metavar="TEXT", help="only those whose reason contains this")
    if name in ("sync", "verify"):
        sub.add_argument(
            "--confirm-deletes",
            metavar="CODE",
            help="delete the submissions of the list that waits under this code",
        )
    if name == "run":
        sub.add_argument("--every", type=_minutes, default=15.0, metavar="MINUTES", help="between syncs (15)")


def _add_options_of_forms(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "what", nargs="*", metavar="UID", help="a form; `add UID` names it in kobo.yml, `remove UID` does not"
    )
    sub.add_argument("--write", action="store_true", help="name the given forms, or all that are deployed")
    sub.add_argument(
        "--drop-tables",
        action="store_true",
        help="with remove: drop the form's tables, too, after you have typed the table's name",
    )
    sub.add_argument("--json", action="store_true", help="print the list as JSON, a form a line")


def _add_options_of_exports(sub: argparse.ArgumentParser, name: str) -> None:
    sub.add_argument(
        "form",
        nargs="?",
        metavar="FORM",
        help="the table or uid of the form; needed if there are several",
    )
    if name == "codebook":
        sub.add_argument(
            "--to",
            metavar="FILE",
            help="ends with .csv, .json (data package) or .yml (dbt); without it CSV",
        )
        return
    sub.add_argument(
        "--to",
        metavar="FILE",
        required=True,
        help="ends with .csv, .zip (of CSV), .xlsx, .parquet, .parquet.zip or .geojson; is replaced",
    )
    sub.add_argument("--language", metavar="LANG", help="labels of this language in place of choices' names")
    sub.add_argument("--approved-only", action="store_true", help="only submissions that are approved")
    sub.add_argument(
        "--since", type=_date, metavar="DATE", help="only what the server got on this day (UTC) or later"
    )


def _add_options_of_plans(sub: argparse.ArgumentParser, name: str) -> None:
    if name in ("sync", "plan", "apply", "run"):
        sub.add_argument(
            "--schema",
            choices=POLICIES,
            help="which changes of tables wait for a person: those that empty columns (additive), all "
            "(review), none (auto); otherwise kobo.yml says it",
        )
    if name == "plan":
        sub.add_argument(
            "--profile", action="store_true", help="also propose types from what the columns hold"
        )
    if name == "apply":
        sub.add_argument("code", metavar="CODE", help="the code of the plan, as `plan` shows it")
        sub.add_argument("--decline", action="store_true", help="leave the tables as they are instead")


def _id(text: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS or int(text) > HIGHEST_ID:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {HIGHEST_ID}")
    return int(text)


def _date(text: str) -> date:
    try:
        found = date.fromisoformat(text)  # which takes 20260131 and 2026-W05-6, too
        if found.isoformat() == text:
            return found
    except ValueError:
        pass
    raise argparse.ArgumentTypeError("must be a date such as 2026-01-31")


def _minutes(text: str) -> float:
    if not text.replace(".", "", 1).isdecimal() or not float(text):
        raise argparse.ArgumentTypeError("must be a number of minutes, more than 0")
    return float(text)
