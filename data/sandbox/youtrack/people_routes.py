"""Users, groups, projects and their teams."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack import unverified, views
from data.sandbox.youtrack.access import is_agent, is_staff, reads_project
from data.sandbox.youtrack.call import Call, found
from data.sandbox.youtrack.errors import bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import STANDARD_USER, Group, User
from data.sandbox.youtrack.table import Table
from data.sandbox.youtrack.visibility import entity_id


def people_table() -> Table:
    """Return the routes."""
    project = "/admin/projects/{project}"
    return [
        ("/users/me", {"get": lambda c: views.Me(c.caller)}),
        ("/users", {"get": _users, "post": _create_user}),
        ("/users/{user}", {"get": _user, "post": _change_user}),
        ("/users/{user}/profiles/{profile}", {"get": _profile, "post": _change_profile}),
        ("/groups", {"get": lambda c: c.page(list(c.state.groups.values()))}),
        ("/groups/{group}", {"get": _group}),
        ("/groups/{group}/users", {"get": lambda c: c.page(_members(c, _group(c)))}),
        ("/admin/projects", {"get": _projects}),
        ("/admin/globalSettings", {"get": _global_settings}),
        (project, {"get": lambda c: c.project()}),
        (project + "/issues", {"get": lambda c: c.page(found(c, f"project: {c.project().short_name}"))}),
        (project + "/team", {"get": _team}),
        (project + "/team/users", {"get": lambda c: c.page(_members(c, c.project().team))}),
        (
            project + "/team/ownUsers",
            {"get": lambda c: c.page(_own_members(c)), "post": _join},
        ),
        (project + "/team/ownUsers/{user}", {"delete": _leave}),
        (project + "/team/groups", {"get": lambda c: c.page(c.project().team.groups), "post": _let_in}),
        (project + "/team/groups/{group}", {"delete": _put_out}),
    ]


def _user(call: Call) -> User:
    user = call.caller if call.path("user") == "me" else call.state.find_user(call.path("user"))
    if user is None:
        raise entity_not_found(call.path("user"))
    return user


def _users(call: Call) -> list[Any]:
    query = call.request.query_params.get("query", "").lower() if unverified.USERS_QUERY else ""
    every = call.state.users.values()
    return call.page([u for u in every if query in u.login.lower() or query in u.full_name.lower()])


def _projects(call: Call) -> list[Any]:
    return call.page([p for p in call.state.projects.values() if reads_project(call.state, call.caller, p)])


def _global_settings(call: Call) -> dict[str, str]:
    if call.caller.login not in call.state.admins:
        raise forbidden("You do not have permission to read the global settings.")
    return {"id": "0-0", "$type": "GlobalSettings"}


def _create_user(call: Call) -> User:
    _check_staff(call)
    body = call.object_body()
    login = body.get("login")
    if not isinstance(login, str) or not login or login in call.state.users:
        raise bad_request("A new, unique login is required")
    name, email = str(body.get("fullName") or login), str(body.get("email") or "")
    return call.state.add_user(login, name, email=email, kind=STANDARD_USER)


def _change_user(call: Call) -> User:
    """Change a name or an address, or ban somebody; oneself without being staff, but for the ban."""
    user, body = _user(call), call.object_body()
    if user is not call.caller or "banned" in body:
        _check_staff(call)
    unknown = sorted(set(body) - {"id", "$type", "login", "name", "fullName", "email", "banned"})
    if unknown or body.get("login", user.login) != user.login:
        raise bad_request(f"Unknown attribute {unknown[0]}" if unknown else "A login cannot be changed")
    user.full_name = str(body.get("fullName") or body.get("name") or user.full_name)
    user.email = str(body.get("email", user.email) or "")
    user.banned = bool(body.get("banned", user.banned))
    return user


def _change_profile(call: Call) -> dict[str, Any]:
    """Keep what a person prefers; it changes nothing in what the API answers."""
    user, shown = _user(call), _profile(call)
    if user is not call.caller:
        _check_staff(call)
    kept = call.state.preferences.setdefault((user.login, call.path("profile")), {})
    kept.update({k: v for k, v in call.object_body().items() if k not in ("id", "$type")})
    return {**shown, **kept}


def _profile(call: Call) -> dict[str, Any]:
    user, profile = _user(call), call.path("profile")
    if profile == "helpdesk":
        mine = [p for p in call.state.projects.values() if is_agent(user, p)]
        return {"id": user.id, "isAgent": bool(mine), "agentInProjects": mine, "$type": "HelpdeskUserProfile"}
    names = {
        "general": "GeneralUserProfile",
        "notifications": "NotificationsUserProfile",
        "timetracking": "TimeTrackingUserProfile",
    }
    if profile not in names:
        raise entity_not_found(profile)
    kept = call.state.preferences.get((user.login, profile), {})
    return {"id": user.id, "timezone": {"id": "UTC"}, **kept, "$type": names[profile]}


def _group(call: Call) -> Group:
    group = call.state.groups.get(call.path("group"))
    if group is None:
        raise entity_not_found(call.path("group"))
    return group


def _members(call: Call, group: Group) -> list[User]:
    return [u for u in call.state.users.values() if group.has(u)]


def _own_members(call: Call) -> list[User]:
    return [u for u in call.state.users.values() if u.login in call.project().team.members]


def _team(call: Call) -> dict[str, Any]:
    team = call.project().team
    return {
        "id": team.id,
        "name": team.name,
        "ringId": None,
        "users": _members(call, team),
        "ownUsers": _own_members(call),
        "groups": list(team.groups),
        "project": call.project(),
        "$type": "ProjectTeam",
    }


def _join(call: Call) -> User:
    _check_staff(call)
    user = call.state.find_user(entity_id(call.object_body()))
    if user is None:
        raise entity_not_found(entity_id(call.object_body()))
    call.project().team.members.add(user.login)
    call.state.version += 1
    return user


def _leave(call: Call) -> None:
    _check_staff(call)
    call.project().team.members.discard(_user(call).login)
    call.state.version += 1


def _let_in(call: Call) -> Group:
    _check_staff(call)
    team, wanted = call.project().team, entity_id(call.object_body())
    group = call.state.groups.get(wanted)
    if group is None:
        raise entity_not_found(wanted)
    if group.project is not None or group.everyone:
        raise bad_request("This group cannot be added to a team")
    if group not in team.groups:
        team.groups.append(group)
        call.state.version += 1
    return group


def _put_out(call: Call) -> None:
    _check_staff(call)
    group = _group(call)
    if group not in call.project().team.groups:
        raise entity_not_found(call.path("group"))
    call.project().team.groups.remove(group)
    call.state.version += 1


def _check_staff(call: Call) -> None:
    if not is_staff(call.caller):
        raise forbidden("You do not have permission to administer users and teams.")
