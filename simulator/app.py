"""The simulated server as a WSGI application."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import falcon

from simulator import assets, data, services, submissions
from simulator.access import ANONYMOUS, Access
from simulator.control import Control
from simulator.faults import Faults
from simulator.files import Files, FormFiles
from simulator.form_file import FormSetup
from simulator.options import Options
from simulator.responses import HTML_414, Problem, compact, page_not_found, server_error
from simulator.shapes import NotParsed
from simulator.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_GZIP_FROM_BYTES = 1100
_PACKED = ("application/json", "text/")
_LONGEST_ADDRESS = 16_384
_App: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"


def create_app(options: Options, setups: Iterable[FormSetup] = ()) -> WSGIApplication:
    """Return one server, faults and control API included.

    :param options: what it is started with.
    :param setups: its forms; none: the survey.
    """
    world = World(options, setups)
    app: _App = falcon.App(middleware=(_Addresses(), _Gzip()))
    app.req_options.strip_url_path_trailing_slash = True
    app.add_error_handler(Problem, _answer_problem)
    app.add_error_handler(falcon.HTTPError, _answer_http_error)
    app.add_error_handler(NotParsed, _answer_unparsed)
    access = Access(world)
    faults = Faults(app)
    _add_routes(app, world, access)
    app.add_route("/_control/{command}", Control(world, faults))
    return faults


def _add_routes(app: _App, world: World, access: Access) -> None:
    asset = "/api/v2/assets/{asset}"
    versions, service, logs, files = (
        assets.Versions(access),
        services.Service(access),
        services.Logs(access),
        Files(access),
    )
    app.add_route("/api/v2/assets", assets.Assets(world, access))
    app.add_route(asset, assets.Asset(access))
    app.add_route(f"{asset}/versions", versions)
    app.add_route(f"{asset}/versions/{{version}}", versions, suffix="one")
    app.add_route(f"{asset}/deployment", assets.Deployment(access))
    app.add_route(f"{asset}/history", assets.HistoryPages(access))
    app.add_route(f"{asset}/data", data.DataPages(access))
    app.add_route(f"{asset}/data/bulk", submissions.Bulk(access))
    app.add_route(f"{asset}/data/validation_statuses", submissions.BulkValidation(access))
    app.add_route(f"{asset}/data/{{name}}", data.Submission(access))
    app.add_route(f"{asset}/data/{{name}}/validation_status", submissions.Validation(access))
    app.add_route(f"{asset}/data/{{name}}/duplicate", submissions.Duplicate(access))
    app.add_route(f"{asset}/data/{{name}}/attachments", files)
    app.add_route(f"{asset}/data/{{name}}/attachments/{{file}}", files, suffix="one")
    app.add_route(f"{asset}/data/{{name}}/attachments/{{file}}/{{size}}", files, suffix="one")
    app.add_route(f"{asset}/attachments/{{file}}", FormFiles(access))
    app.add_route(f"{asset}/hooks", services.Services(access))
    app.add_route(f"{asset}/hooks/{{hook}}", service)
    app.add_route(f"{asset}/hooks/{{hook}}/retry", service, suffix="retry")
    app.add_route(f"{asset}/hooks/{{hook}}/logs", logs)
    app.add_route(f"{asset}/hooks/{{hook}}/logs/{{log}}", logs, suffix="one")
    app.add_route(f"{asset}/hooks/{{hook}}/logs/{{log}}/retry", logs, suffix="retry")
    app.add_route("/register_webhook", services.Registrar(world))
    app.add_route("/environment", _Gone())
    app.add_route("/me", _Me(access))


class _Addresses:
    """Treat ``x.json`` and ``x/`` as one address; the links in a response repeat the one that was used.

    The longest address is what the web server in front of the real one takes (kobo-api.md §1.2).
    """

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.asked_path = req.env["PATH_INFO"]
        req.context.suffix = ""
        if len(req.relative_uri) > _LONGEST_ADDRESS:
            raise Problem(414, HTML_414)
        for suffix in (".json", ".xml"):
            if req.path.endswith(suffix):
                req.path, req.context.suffix = req.path.removesuffix(suffix), suffix
        resp.content_type = "application/json"


class _Gzip:
    """Compress as the web server in front of the real one does (kobo-api.md §1.2)."""

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        resp.set_header("Vary", "Accept, origin, Accept-Language, Cookie")
        body = resp.data or (resp.text or "").encode()
        packed = len(body) >= _GZIP_FROM_BYTES and (resp.content_type or "").startswith(_PACKED)
        if packed and "gzip" in (req.get_header("Accept-Encoding") or ""):
            packer = zlib.compressobj(level=1, wbits=31)
            resp.data, resp.text = packer.compress(body) + packer.flush(), None
            resp.set_header("Content-Encoding", "gzip")


class _Gone:
    """An address of the API before version 2."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        raise Problem(410, {"detail": "The V1 API has been removed."})


class _Me:
    """The user whose token the request has."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        user = self._access.user_of(req)
        known = {} if user is ANONYMOUS else {"username": user.name, "is_superuser": False}
        resp.text = compact(known or {"message": "user is not logged in"})


def _answer_problem(
    req: falcon.Request, resp: falcon.Response, problem: Problem, params: dict[str, object]
) -> None:
    resp.status = problem.status
    resp.content_type = problem.content_type
    resp.text = problem.body
    resp.set_headers(problem.headers)


def _answer_unparsed(
    req: falcon.Request, resp: falcon.Response, problem: NotParsed, params: dict[str, object]
) -> None:
    _answer_problem(req, resp, server_error(), params)


def _answer_http_error(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: dict[str, object]
) -> None:
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        problem = Problem(405, {"detail": f'Method "{req.method}" not allowed.'}, dict(error.headers or {}))
    elif isinstance(error, falcon.HTTPRouteNotFound):
        problem = page_not_found()
    elif isinstance(error, falcon.MediaMalformedError | falcon.MediaNotFoundError):
        problem = Problem(400, {"detail": "JSON parse error"})
    elif error.status_code < 500:
        problem = Problem(error.status_code, {"detail": error.title})
    else:
        problem = server_error()
    _answer_problem(req, resp, problem, params)
