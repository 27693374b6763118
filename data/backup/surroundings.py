"""What stands beside the database: configuration without its secrets, and which bundles were installed."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path

from data.mapping_file import MAPPING_NAME
from data.settings import CONFIG_NAME, Settings

SECRET = frozenset({"tracker_token", "webhook_secret", "database_url", "mlflow_uri", "engine_url"})
"""Settings that hold a credential, or a URL that may hold one."""
FOLDER = "config/"
_HEAD = "# From a backup: secrets and URLs with passwords were left out; set them anew.\n"


def configuration(settings: Settings) -> dict[str, bytes]:
    """Return the configuration files by name; those that are missing are left out."""
    found: dict[str, bytes] = {}
    plain = settings.home / CONFIG_NAME
    if plain.is_file():
        found[CONFIG_NAME] = without_secrets(plain.read_text(encoding="utf-8")).encode()
    for path, name in ((settings.home / MAPPING_NAME, MAPPING_NAME), (settings.policy, "policy.yaml")):
        if path.is_file():
            found[name] = path.read_bytes()
    return found


def without_secrets(text: str) -> str:
    """Return the settings file without credentials. Only known, harmless settings are kept."""
    known = {f.name for f in fields(Settings)} - SECRET
    kept = {k: v for k, v in tomllib.loads(text).items() if k in known}
    lines = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n"  # JSON's numbers and strings are TOML's
        for name, value in kept.items()
        if isinstance(value, str | int | float) and not ("://" in str(value) and "@" in str(value))
    ]
    return _HEAD + "".join(lines)


def bundles(settings: Settings) -> tuple[tuple[str, ...], str | None]:
    """Return the names of installed bundles and of the champion. Bundles themselves are not backed up."""
    folder = settings.bundles
    if not folder.is_dir():
        return (), None
    names = tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")))
    champion = folder / "champion"
    return names, champion.read_text(encoding="utf-8").strip() or None if champion.is_file() else None


def put_back(home: Path, files: dict[str, bytes]) -> tuple[list[str], list[str]]:
    """Write configuration files that `home` lacks; return the names of (written, differing and left) ones.

    The policy is not put back: it comes with the release, and `policy` in the settings says where it is.
    """
    written, left = [], []
    for name in (CONFIG_NAME, MAPPING_NAME):
        if name not in files:
            continue
        path = home / name
        if path.exists():
            if path.read_bytes() != files[name] and name == MAPPING_NAME:
                left.append(name)
            continue
        path.write_bytes(files[name])
        path.chmod(0o600)
        written.append(name)
    return written, left
