"""``/_control/``: commands of tests and the demo to the simulator; no token, from this machine only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import falcon

from simulator.faults import Fault, Faults
from simulator.hooks import Hooks
from simulator.project import Project
from simulator.responses import Problem, compact
from simulator.users import User
from simulator.world import World

_WAITING = ("wait", "deliver")
_Given = dict[str, Any]
_OfServer = Callable[[_Given], object]
_OfForm = Callable[[Project, _Given], object]
_OF_FORM: dict[str, _OfForm] = {
    "create": lambda form, given: form.create(given.pop("count"), given.pop("answers"), **given),
    "reveal": lambda form, given: form.reveal(**given),
    "vanish": lambda form, given: form.vanish(**given),
    "edit": lambda form, given: [row["_uuid"] for row in form.edit(**given)],
    "validate": lambda form, given: form.validate(**given),
    "delete": lambda form, given: form.delete(**given),
    "duplicate": lambda form, given: form.duplicate(given["id"]),
    "raw": lambda form, given: form.raw(given["id"], given["keys"], given["remove"]),
    "attach": lambda form, given: form.attach(given["id"], given["name"], given.get("question", "")),
    "delete-file": lambda form, given: form.delete_file(given["id"], given["file"]),
    "poison": lambda form, given: form.poison(given["id"]),
    "redeploy": lambda form, given: form.form.redeploy(**given),
    "save-draft": lambda form, given: form.form.save_draft(**given),
    "deploy": lambda form, given: form.form.deploy(**given),
    "age-history": lambda form, given: form.history.age(**given),
    "form": lambda form, given: _set_form(form, **given),
    "ids": lambda form, _: list(form.store.ids),
    "rows": lambda form, given: list(form.store.rows(given["ids"])),
    "delivery": lambda form, given: _set_delivery(form, given["mode"]),
    "held": lambda form, _: _held(form.hooks),
    "deliver": lambda form, given: _deliver(form.hooks, **given),
    "drop": lambda form, given: form.hooks.held.pop(given["id"], None) is not None,
}
"""What a command does with one form; ``asset`` names it, without one it is the first."""


class Control:
    """One command a request: ``POST /_control/{command}`` with its parameters as a JSON object."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._of_server: dict[str, _OfServer] = {
            "forms": lambda _: [{"uid": one.uid, "name": one.name} for one in world.projects.values()],
            "user": self._set_user,
            "reset": self._reset,
            "fault": lambda given: self._faults.set.append(Fault(**given)),
            "faults": lambda _: [{"kind": f.kind, "seen": f.seen, "struck": f.struck} for f in faults.set],
            "clear-faults": lambda _: faults.clear(),
            "requests": lambda _: list(faults.requests),
            "clear-requests": lambda _: faults.requests.clear(),
            "wait": lambda given: world.first.hooks.wait(given["seconds"]),
        }

    def on_post(self, req: falcon.Request, resp: falcon.Response, command: str) -> None:
        """Run a command and respond with its result."""
        if req.remote_addr not in ("127.0.0.1", "::1") and not self._world.options.open_control:
            raise Problem(403, {"detail": "The control API answers to this machine only."})
        given = req.get_media(default_when_empty={})
        asset = given.pop("asset", self._world.first.uid)
        if asset not in self._world.projects:
            raise Problem(400, {"detail": f"There is no form {asset}."})
        project = self._world.projects[asset]
        try:
            with nullcontext() if command in _WAITING else project.store.lock:
                result = self._run(command, project, given)
        except (KeyError, TypeError, ValueError) as problem:
            raise Problem(400, {"detail": f"{type(problem).__name__}: {problem}"}) from problem
        resp.text = compact(result)

    def _run(self, command: str, project: Project, given: _Given) -> object:
        if command == "stats":
            return self._stats(project)
        if command in self._of_server:
            return self._of_server[command](given)
        if command in _OF_FORM:
            return _OF_FORM[command](project, given)
        raise Problem(404, {"detail": f"There is no command {command}."})

    def _set_user(self, given: _Given) -> None:
        user = User(given["name"], tuple(given["permissions"]), tuple(given["only_submitted_by"]))
        self._world.users[given["token"]] = user

    def _reset(self, given: _Given) -> None:
        self._world.reset(given.get("rows"), given.get("seed"))
        self._faults.clear()
        self._faults.requests.clear()

    def _stats(self, project: Project) -> _Given:
        hooks = project.hooks
        logs = [log for hook in hooks.all.values() for log in hook.logs.values()]
        return {
            "rows": len(project.store),
            "requests": len(self._faults.requests),
            "bytes": sum(entry["bytes"] for entry in self._faults.requests),
            "hooks": sum(not hook.registrar for hook in hooks.all.values()),
            "registered": sum(hook.registrar for hook in hooks.all.values()),
            "deliveries": {
                "failed": sum(log.status == 0 for log in logs),
                "pending": sum(log.status == 1 for log in logs),
                "success": sum(log.status == 2 for log in logs),
                "held": len(hooks.held),
            },
        }


def _set_form(project: Project, **parts: Any) -> None:
    for name, value in parts.items():
        if name == "lookback_days":
            project.history.lookback_days = value
        elif name == "media":
            project.form.set_media(value)
        elif name == "deployed":
            project.form.set_deployed(value)
        elif name in ("active", "trashed", "history_refusal", "owner", "tag_string"):
            setattr(project.form, name, value)
        else:
            raise ValueError(f"no such part of the form: {name}")


def _set_delivery(project: Project, mode: str) -> None:
    if mode not in ("normal", "hold", "lose"):
        raise ValueError("the modes are normal, hold and lose")
    project.hooks.mode = mode


def _held(hooks: Hooks) -> list[_Given]:
    return [
        {"id": held.number, "hook": held.hook.uid, "submission_id": held.log.submission_id}
        for held in hooks.held.values()
    ]


def _deliver(hooks: Hooks, id: int, *, fresh: bool) -> _Given:  # as the command has it
    outcome = hooks.deliver(id, fresh=fresh)
    return {"status": outcome.status, "message": outcome.message}
