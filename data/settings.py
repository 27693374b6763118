"""Where things are and how to reach them: environment first, then `firstline.toml`, then defaults.

Every setting is one field below; its environment variable is `FIRSTLINE_` plus the upper-case name,
its key in `$FIRSTLINE_HOME/firstline.toml` is the name. Unknown keys are refused, all at once.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from data.errors import SettingsError

CONFIG_NAME = "firstline.toml"
_NOT_OURS = "FIRSTLINE_TEST_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration. Immutable: read once, passed on."""

    home: Path
    """Run-time files: database, datasets, bundles, logs (default `var`)."""
    database_url: str
    """SQLAlchemy URL of the store (default: SQLite under `home`)."""
    mlflow_uri: str
    """MLflow tracking URI (default: SQLite under `home`)."""
    tracker_url: str
    """YouTrack service URL without `/api` (default: the sandbox on this machine)."""
    tracker_token: str
    """Permanent token of the service account. Never logged."""
    project: str
    """Short name of the tracker project that holds the tickets."""
    webhook_secret: str
    """Key of the HMAC signature on events, at least 32 characters."""
    webhook_secret_next: str
    """A second key that is good as well while keys are changed; empty: none."""
    webhook_key_id: str
    webhook_key_id_next: str
    """The names of the two keys. An event may say (X-Firstline-Key) with which one it was signed."""
    webhook_token: str
    """Shared token of JetBrains' Webhook Triggers app (X-YouTrack-Token), 32 characters; empty: off."""
    webhook_backlog: int
    """Unprocessed events above which further ones are turned away; polling finds their tickets."""
    host: str
    """Address every local server binds to."""
    service_port: int
    sandbox_port: int
    mlflow_port: int
    poll_seconds: float
    """Pause between two polls of the tracker by the worker."""
    policy: Path
    """The triage policy file."""
    engine_url: str
    """A vLLM server that holds the champion's encoder; empty: the engine in the service's process."""
    access: str
    """`local`: the service answers this machine only, without keys; `keys`: every call needs an API key."""
    rate_key: int
    """Requests in a minute that one API key may send; 0: any number."""
    rate_client: int
    """Requests in a minute that all client keys of one client may send together; 0: any number."""
    client_system_url: str
    """The clients' payroll system that patterns look things up in; empty: the sandbox's, or none."""
    client_system_token: str
    """Token for it. Never logged."""

    @property
    def datasets(self) -> Path:
        return self.home / "datasets"

    @property
    def bundles(self) -> Path:
        return self.home / "bundles"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def service_url(self) -> str:
        return f"http://{self.host}:{self.service_port}"

    @property
    def webhook_keys(self) -> dict[str, str]:
        """Every signing key that is good now, by its id."""
        keys = {self.webhook_key_id: self.webhook_secret, self.webhook_key_id_next: self.webhook_secret_next}
        return {name: key for name, key in keys.items() if key}

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The signing keys alone."""
        return tuple(self.webhook_keys.values())

    @property
    def tracker_is_sandbox(self) -> bool:
        """Whether the configured tracker is the sandbox desk on this machine."""
        hosts = (self.host, "127.0.0.1", "localhost")
        return self.tracker_url in {f"http://{h}:{self.sandbox_port}" for h in hosts}

    def __repr__(self) -> str:
        return f"Settings(home={self.home}, tracker_url={self.tracker_url!r}, project={self.project!r})"


SANDBOX_TOKEN = "perm:c3ZjLWZpcnN0bGluZQ==.ZGVtbw==.sandbox-service-account"
SANDBOX_SECRET = "sandbox-only-signing-key-change-me-0123456789"
_SHIPPED_POLICY = Path(__file__).resolve().parent.parent / "serving" / "policies" / "triage.yaml"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Build the settings. Raises `SettingsError` naming every wrong or unknown setting."""
    env = os.environ if environ is None else environ
    home = Path(env.get("FIRSTLINE_HOME", "var")).expanduser().resolve()
    given = {**_from_file(home / CONFIG_NAME), **_from_environ(env)}
    given.pop("home", None)
    sandbox_port = int(given.get("sandbox_port", 8801)) if _is_port(given.get("sandbox_port", 8801)) else 0
    defaults: dict[str, Any] = {
        "home": home,
        "database_url": f"sqlite:///{home / 'firstline.db'}",
        "mlflow_uri": f"sqlite:///{home / 'mlflow.db'}",
        "tracker_url": f"http://127.0.0.1:{sandbox_port}",
        "tracker_token": SANDBOX_TOKEN,
        "project": "PAY",
        "webhook_secret": SANDBOX_SECRET,
        "webhook_secret_next": "",
        "webhook_key_id": "current",
        "webhook_key_id_next": "next",
        "webhook_token": "",
        "webhook_backlog": 10_000,
        "host": "127.0.0.1",
        "service_port": 8800,
        "sandbox_port": 8801,
        "mlflow_port": 8802,
        "poll_seconds": 5.0,
        "policy": _SHIPPED_POLICY,
        "engine_url": "",
        "access": "local",
        "rate_key": 1_200,
        "rate_client": 1_200,
        "client_system_url": "",
        "client_system_token": "",
    }
    values, problems = _converted(defaults, given)
    problems += _problems(values)
    if problems:
        raise SettingsError(
            "The settings have problems:\n  - " + "\n  - ".join(problems),
            remedy=f"Correct the environment (FIRSTLINE_*) or {home / CONFIG_NAME}.",
        )
    return Settings(**values)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the FIRSTLINE_ variables that are no setting, each with the setting that may be meant."""
    known = {f"FIRSTLINE_{f.name.upper()}" for f in fields(Settings)}
    found = []
    for name in sorted(environ):
        if name.startswith("FIRSTLINE_") and name not in known and not name.startswith(_NOT_OURS):
            meant = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            found.append(f"{name} (did you mean {meant[0]}?)" if meant else name)
    return found


def _from_environ(env: Mapping[str, str]) -> dict[str, Any]:
    names = {f.name for f in fields(Settings)}
    return {
        k.removeprefix("FIRSTLINE_").lower(): v
        for k, v in env.items()
        if k.startswith("FIRSTLINE_") and k.removeprefix("FIRSTLINE_").lower() in names
    }


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}", remedy="Correct that line.") from None


def _converted(defaults: dict[str, Any], given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    values, problems = dict(defaults), []
    for name, value in given.items():
        if name not in defaults:
            problems.append(f"unknown setting {name!r}")
            continue
        kind = type(defaults[name])
        try:
            values[name] = Path(value).expanduser().resolve() if name == "policy" else kind(value)
        except (TypeError, ValueError):
            problems.append(f"{name} must be a {kind.__name__}, not {value!r}")
    return values, problems


def _problems(values: dict[str, Any]) -> list[str]:
    found = [
        f"{name} must be a port between 1 and 65535, not {values[name]!r}"
        for name in ("service_port", "sandbox_port", "mlflow_port")
        if not _is_port(values[name])
    ]
    if not str(values["tracker_url"]).startswith(("http://", "https://")):
        found.append(f"tracker_url must start with http:// or https://, not {values['tracker_url']!r}")
    values["tracker_url"] = str(values["tracker_url"]).rstrip("/")
    if values["engine_url"] and not str(values["engine_url"]).startswith(("http://", "https://")):
        found.append(f"engine_url must start with http:// or https://, not {values['engine_url']!r}")
    if values["client_system_url"] and not str(values["client_system_url"]).startswith(
        ("http://", "https://")
    ):
        found.append("client_system_url must start with http:// or https://")
    if len(values["webhook_secret"]) < 32 or values["webhook_secret"] == "secret":
        found.append("webhook_secret must have at least 32 characters")
    if 0 < len(values["webhook_secret_next"]) < 32:
        found.append("webhook_secret_next must have at least 32 characters, or be empty")
    if not values["webhook_key_id"] or values["webhook_key_id"] == values["webhook_key_id_next"]:
        found.append("webhook_key_id and webhook_key_id_next must be two different names")
    # 'secret' is what a mis-set tracker sends in place of a secret setting: everybody knows it.
    if values["webhook_token"] and (len(values["webhook_token"]) < 32 or not values["webhook_token"].strip()):
        found.append("webhook_token must have at least 32 characters (never 'secret'), or be empty")
    if int(values["webhook_backlog"]) < 1:
        found.append("webhook_backlog must be at least 1")
    if values["access"] not in ("local", "keys"):
        found.append(f"access must be local or keys, not {values['access']!r}")
    found += [f"{n} must be 0 or more" for n in ("rate_key", "rate_client") if int(values[n]) < 0]
    if not 0 < float(values["poll_seconds"]) <= 3600:
        found.append("poll_seconds must be above 0 and at most 3600")
    return found


def _is_port(value: Any) -> bool:
    return str(value).isdigit() and 0 < int(value) < 65536
