"""Apps: upload, settings, and the handlers that an uploaded app would serve, canned.

No script of an app is run. A test registers what a handler does with `TrackerState.handlers`; without
one, a `POST` keeps the JSON it was sent as a property of the issue and a `GET` returns it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import bad_request, entity_not_found, route_not_found
from data.sandbox.youtrack.model import APP
from data.sandbox.youtrack.multipart import parse_parts
from data.sandbox.youtrack.table import Raw, Table

MAX_APP_BYTES = 20_000_000


@dataclass
class App:
    """An uploaded app. `projects` maps project ids to settings there; attached projects are its keys."""

    id: str
    name: str
    title: str
    version: str
    files: frozenset[str]
    package: bytes = b""
    settings: dict[str, Any] = field(default_factory=dict)
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Return the app as the API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "version": self.version,
            "$type": "App",
        }


Canned = Callable[[Call], Any]


def app_table() -> Table:
    """Return the routes."""
    rest = "extensionEndpoints/{app}/{file}/{rest:path}"
    handler = {"get": _handle, "post": _handle, "delete": _handle}
    return [
        ("/admin/apps/import", {"post": _upload}),
        ("/admin/apps", {"get": lambda c: c.page([a.shown() for a in c.state.apps.values()])}),
        ("/admin/apps/{app}", {"get": _shown_or_package, "delete": _delete}),
        ("/admin/apps/{app}/globalConfig", {"get": _global, "post": _configure}),
        ("/admin/apps/{app}/logs", {"get": _logs}),
        ("/admin/projects/{project}/appConfigurations", {"get": _attached}),
        (
            "/admin/projects/{project}/appConfigurations/{app}",
            {"get": _project_settings, "post": _attach, "delete": _detach},
        ),
        ("/issues/{issue}/" + rest, handler),
        ("/admin/projects/{project}/" + rest, handler),
        ("/users/{user}/" + rest, handler),
        ("/" + rest, handler),
    ]


def _upload(call: Call) -> dict[str, Any]:
    parts = parse_parts(call.request.headers.get("content-type", ""), call.raw)
    package = next((p.content for p in parts if p.name == "file"), b"")
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            if sum(i.file_size for i in archive.infolist()) > MAX_APP_BYTES:
                raise bad_request("The app package is too large")
            manifest = json.loads(archive.read("manifest.json"))
            names = frozenset(archive.namelist())
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise bad_request("The app package has no valid manifest.json at its root") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("name"), str):
        raise bad_request("The app manifest needs a name")
    name = manifest["name"]
    old = call.state.apps.get(name)
    app = App(
        old.id if old else call.state.next_id(APP),
        name,
        str(manifest.get("title", name)),
        str(manifest.get("version", "")),
        names,
        package,
    )
    if old:
        app.settings, app.projects = old.settings, old.projects
    call.state.apps[name] = app
    return app.shown()


def _shown_or_package(call: Call) -> Any:
    app = _app(call)
    if "application/zip" in call.request.headers.get("accept", ""):
        return Raw(app.package, "application/zip", f"{app.name}.zip")
    return app.shown()


def _app(call: Call) -> App:
    app: App
    for app in call.state.apps.values():
        if call.path("app") in (app.id, app.name):
            return app
    raise entity_not_found(call.path("app"))


def _logs(call: Call) -> list[Any]:
    _app(call)
    return []


def _delete(call: Call) -> None:
    call.state.apps.pop(_app(call).name)


def _config(app: App, settings: dict[str, Any]) -> dict[str, Any]:
    return {"id": app.id, "app": app.shown(), "settings": dict(settings), "$type": "AppConfiguration"}


def _settings(call: Call) -> dict[str, Any]:
    given = call.optional_body().get("settings") or {}
    if not isinstance(given, dict):
        raise bad_request("settings must be an object")
    return given


def _global(call: Call) -> dict[str, Any]:
    return _config(_app(call), _app(call).settings)


def _configure(call: Call) -> dict[str, Any]:
    _app(call).settings.update(_settings(call))
    return _global(call)


def _attached(call: Call) -> list[Any]:
    project = call.project()
    apps = [a for a in call.state.apps.values() if project.id in a.projects]
    return call.page([_config(a, a.projects[project.id]) for a in apps])


def _project_settings(call: Call) -> dict[str, Any]:
    app, project = _app(call), call.project()
    if project.id not in app.projects:
        raise entity_not_found(call.path("app"))
    return _config(app, app.projects[project.id])


def _attach(call: Call) -> dict[str, Any]:
    app, project = _app(call), call.project()
    app.projects.setdefault(project.id, {}).update(_settings(call))
    return _project_settings(call)


def _detach(call: Call) -> None:
    _app(call).projects.pop(call.project().id, None)


def _handle(call: Call) -> Any:
    """Route to a canned handler; 404 unless the app has the file and is attached to the project."""
    app = call.state.apps.get(call.path("app"))
    if app is None or f"{call.path('file')}.js" not in app.files:
        raise route_not_found()
    params = call.request.path_params
    issue = call.issue() if "issue" in params else None
    project = issue.project if issue else call.project() if "project" in params else None
    if project is not None and project.id not in app.projects:
        raise route_not_found()
    canned = call.state.handlers.get((app.name, call.path("file"), call.path("rest")))
    if canned is not None:
        answer = canned(call)
    elif issue is None:
        raise route_not_found()
    elif call.request.method == "POST":
        call.state.touch(issue)
        issue.extension[call.path("rest")] = call.body
        answer = {"ok": True}
    else:
        answer = issue.extension.get(call.path("rest"))
    return Raw(json.dumps(answer).encode(), "application/json;charset=utf-8")
