"""``/_control/``: commands of tests and the demo to the simulator; no token, from this machine only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import falcon

from simulator.faults import Fault, Faults
from simulator.responses import Problem, compact
from simulator.users import User
from simulator.world import World

_WAITING = ("wait", "deliver")
Command = Callable[[dict[str, Any], falcon.Request], object]


class Control:
    """One command a request: ``POST /_control/{command}`` with its parameters as a JSON object."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._commands: dict[str, Command] = {
            "create": lambda given, _: world.create(given["count"], given["answers"], hidden=given["hidden"]),
            "reveal": lambda given, _: world.reveal(given["ids"], committed=given["committed"]),
            "vanish": lambda given, _: world.vanish(given["ids"]),
            "edit": lambda given, _: [row["_uuid"] for row in world.edit(given["ids"], given["answers"])],
            "validate": lambda given, _: world.validate(given["ids"], given["status"], bulk=given["bulk"]),
            "delete": lambda given, _: world.delete(given["ids"]),
            "duplicate": lambda given, _: world.duplicate(given["id"]),
            "raw": lambda given, _: world.raw(given["id"], given["keys"], given["remove"]),
            "attach": lambda given, req: world.attach(given["id"], given["name"], req.prefix),
            "redeploy": lambda given, _: world.form.redeploy(repeat=given["repeat"], group=given["group"]),
            "save-draft": lambda given, _: world.form.save_draft(given["content"]),
            "deploy": lambda given, _: world.form.deploy(),
            "age-history": lambda given, _: world.history.age(given["seconds"]),
            "form": lambda given, _: self._set_form(given),
            "user": lambda given, _: self._set_user(given),
            "reset": lambda given, _: self._reset(given),
            "ids": lambda given, _: list(world.store.ids),
            "rows": lambda given, _: list(world.store.rows(given["ids"])),
            "stats": lambda given, _: self._stats(),
            "fault": lambda given, _: self._faults.set.append(Fault(**given)),
            "faults": lambda given, _: [
                {"kind": f.kind, "seen": f.seen, "struck": f.struck} for f in faults.set
            ],
            "clear-faults": lambda given, _: faults.clear(),
            "requests": lambda given, _: list(faults.requests),
            "clear-requests": lambda given, _: faults.requests.clear(),
            "delivery": lambda given, _: self._set_delivery(given["mode"]),
            "held": lambda given, _: self._held(),
            "deliver": lambda given, _: self._deliver(given),
            "drop": lambda given, _: world.hooks.held.pop(given["id"], None) is not None,
            "wait": lambda given, _: world.hooks.wait(given["seconds"]),
        }

    def on_post(self, req: falcon.Request, resp: falcon.Response, command: str) -> None:
        """Run a command and respond with its result."""
        if req.remote_addr not in ("127.0.0.1", "::1") and not self._world.options.open_control:
            raise Problem(403, {"detail": "The control API answers to this machine only."})
        run = self._commands.get(command)
        if run is None:
            raise Problem(404, {"detail": f"There is no command {command}."})
        try:
            with nullcontext() if command in _WAITING else self._world.store.lock:
                result = run(req.get_media(default_when_empty={}), req)
        except (KeyError, TypeError, ValueError) as problem:
            raise Problem(400, {"detail": f"{type(problem).__name__}: {problem}"}) from problem
        resp.text = compact(result)

    def _set_form(self, given: dict[str, Any]) -> None:
        self._world.history.lookback_days = given.pop("lookback_days", self._world.history.lookback_days)
        for name, value in given.items():
            if name == "media":
                self._world.form.set_media(value)
            elif name == "deployed":
                self._world.form.set_deployed(value)
            elif name in ("active", "trashed", "history_refusal"):
                setattr(self._world.form, name, value)
            else:
                raise ValueError(f"no such part of the form: {name}")

    def _set_user(self, given: dict[str, Any]) -> None:
        user = User(given["name"], tuple(given["permissions"]), tuple(given["only_submitted_by"]))
        self._world.users[given["token"]] = user

    def _reset(self, given: dict[str, Any]) -> None:
        options = self._world.options
        self._world.reset(given.get("rows", options.rows), given.get("seed", options.seed))
        self._faults.clear()
        self._faults.requests.clear()

    def _stats(self) -> dict[str, Any]:
        hooks = self._world.hooks
        logs = [log for hook in hooks.all.values() for log in hook.logs.values()]
        return {
            "rows": len(self._world.store),
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

    def _set_delivery(self, mode: str) -> None:
        if mode not in ("normal", "hold", "lose"):
            raise ValueError("the modes are normal, hold and lose")
        self._world.hooks.mode = mode

    def _held(self) -> list[dict[str, Any]]:
        return [
            {"id": held.number, "hook": held.hook.uid, "submission_id": held.log.submission_id}
            for held in self._world.hooks.held.values()
        ]

    def _deliver(self, given: dict[str, Any]) -> dict[str, Any]:
        outcome = self._world.hooks.deliver(given["id"], fresh=given["fresh"])
        return {"status": outcome.status, "message": outcome.message}
