"""Where a request may go: below the service URL, and nowhere else. Pure.

The token goes with every request, so an address is checked before it is sent, whatever it was made
from: settings, an id that the tracker gave, or an address in one of its answers.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from data.youtrack.faults import RefusedError

_PORTS = {"http": 80, "https": 443}


def address(base_url: str, named: str) -> str:
    """Return the absolute address of `named`: a path below `<base_url>/api`, or an address.

    A path starts with one slash. Everything else is taken as the tracker would mean it, relative to
    `base_url`. Raises `RefusedError` where that is another origin or outside of the API.
    """
    api = f"{base_url}/api"
    is_path = named.startswith("/") and not named.startswith(("//", "/\\"))
    found = api + named if is_path else urljoin(f"{api}/", named)
    path = urlsplit(found).path
    inside = path.startswith(f"{urlsplit(api).path}/") and not {".", ".."} & set(path.split("/"))
    if _origin(found) != _origin(base_url) or not inside or "\\" in named:
        raise RefusedError(
            "The tracker names an address that is not its own API; nothing was sent there.",
            remedy="Check FIRSTLINE_TRACKER_URL, and who answers at that address.",
        )
    return found


def _origin(url: str) -> tuple[str | int | None, ...]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    port = parts.port or _PORTS.get(scheme)
    return scheme, parts.username, parts.password, (parts.hostname or "").lower(), port
