"""`firstline keys`: API keys of other programs and people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.access import Role
from data.options import AsJson

if TYPE_CHECKING:  # imported in the commands: `firstline --help` stays fast
    from data.store.api_keys import StoredKey


def register_keys(app: typer.Typer) -> None:
    """Add the group `keys` to `app`."""
    group = typer.Typer(help="API keys of other programs and people.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_keys)
    group.command("rotate")(rotate)
    group.command("revoke")(revoke)
    app.add_typer(group, name="keys")


def create(
    name: Annotated[str, typer.Option(help="Who or what it is for.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    client: Annotated[
        str | None, typer.Option(help="The only client it may see; a client key needs one.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it ends; default: never.")] = None,
    acts_for_people: Annotated[
        bool, typer.Option("--acts-for-people", help="It may name who ordered something: the tracker's app.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once."""
    from datetime import timedelta

    from data.errors import BadInputError

    if role is Role.CLIENT and client is None:
        raise BadInputError("A client key belongs to one client.", remedy="Name it with --client.")
    if acts_for_people and role not in (Role.OPERATOR, Role.REVIEWER):
        raise BadInputError(
            f"A {role} key orders nothing, so it acts for nobody.", remedy="Use --role reviewer."
        )
    life = None if days is None else timedelta(days=days)
    key, stored = _made(name, role, client, life, acts=acts_for_people, ends=None)
    _shown(key, stored, as_json)


def list_keys(as_json: AsJson = False) -> None:
    """List keys, oldest first. The keys themselves are kept nowhere."""
    from data.clock import SystemClock
    from data.settings import read_settings
    from data.store import api_keys, open_store

    now = SystemClock().now()
    with open_store(read_settings().database_url) as store, store.read() as conn:
        found = api_keys.every(conn)
    if as_json:
        print(json.dumps([{**_facts(k), "good": k.good(now)} for k in found]))
        return
    for k in found:
        state = "good" if k.good(now) else "revoked" if k.revoked_at else "ended"
        used = "never used" if k.last_used_at is None else f"last used {k.last_used_at:%Y-%m-%d %H:%M}"
        acts = "  (acts for people)" if k.acts_for_people else ""
        print(f"{k.key_id}  {state:7}  {k.role:9}  {k.tenant or 'every client':16}  {used}  {k.name}{acts}")


def rotate(
    key_id: Annotated[str, typer.Argument(help="Id of the key to replace.")],
    hours: Annotated[int, typer.Option(min=0, help="Hours for which the old one stays good.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Make a key with the same rights; the old one ends a little later."""
    from data.clock import SystemClock
    from data.settings import read_settings
    from data.store import api_keys, open_store

    with open_store(read_settings().database_url) as store, store.read() as conn:
        old = api_keys.get(conn, key_id)
    if old is None or not old.good(SystemClock().now()):
        raise _unknown(key_id)
    life = None if old.expires_at is None else old.expires_at - old.created_at
    key, stored = _made(old.name, old.role, old.tenant, life, acts=old.acts_for_people, ends=(key_id, hours))
    _shown(key, stored, as_json)


def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key to end.")]) -> None:
    """End a key; every process refuses it within 20 seconds."""
    from data.clock import SystemClock
    from data.settings import read_settings
    from data.store import api_keys, audit, open_store

    now = SystemClock().now()
    with open_store(read_settings().database_url) as store, store.write() as conn:
        if not api_keys.revoke(conn, key_id, now):
            raise _unknown(key_id)
        audit.record(conn, actor="cli", action="key.revoked", subject=key_id, at=now)
    print(f"{key_id} is revoked.")


def _made(
    name: str, role: Role, tenant: str | None, life: Any, *, acts: bool, ends: Any
) -> tuple[str, StoredKey]:
    import secrets
    from datetime import timedelta

    from data import api_key
    from data.clock import SystemClock
    from data.keyring import pepper_of
    from data.settings import read_settings
    from data.store import api_keys, audit, open_store

    settings, now = read_settings(), SystemClock().now()
    key, pepper = api_key.new_key(secrets.token_bytes), pepper_of(settings.home)
    stored = api_keys.StoredKey(
        key_id=str(api_key.key_id(key)),
        name=name,
        role=role,
        tenant=tenant,
        digest=api_key.digest(key, pepper),
        created_at=now,
        expires_at=None if life is None else now + life,
        acts_for_people=acts,
    )
    facts = {"role": str(role), "replaces": ends[0] if ends else None, "acts_for_people": acts}
    with open_store(settings.database_url) as store, store.write() as conn:
        api_keys.add(conn, stored)
        if ends:
            api_keys.expire(conn, ends[0], now + timedelta(hours=ends[1]))
        audit.record(
            conn, actor="cli", action="key.created", subject=stored.key_id, at=now, tenant=tenant, facts=facts
        )
    return key, stored


def _shown(key: str, stored: StoredKey, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**_facts(stored), "key": key}))
        return
    ends = "" if stored.expires_at is None else f", good until {stored.expires_at:%Y-%m-%d %H:%M} UTC"
    typer.echo(f"Key {stored.key_id} for {stored.name}{ends}. It is shown this once:", err=True)
    print(key)


def _facts(key: StoredKey) -> dict[str, Any]:
    moments = ("created_at", "expires_at", "revoked_at", "last_used_at")
    times = {n: None if (at := getattr(key, n)) is None else at.isoformat() for n in moments}
    return {
        "key_id": key.key_id,
        "name": key.name,
        "role": str(key.role),
        "client": key.tenant,
        "acts_for_people": key.acts_for_people,
        **times,
    }


def _unknown(key_id: str) -> Exception:
    from data.errors import BadInputError

    return BadInputError(f"There is no good key {key_id}.", remedy="`firstline keys list` shows all.")
