"""The one place that opens the tracker's client: settings, mapping, and who we are."""

from __future__ import annotations

import httpx

from data.clock import Clock
from data.mapping_file import load_mapping
from data.settings import Settings
from data.youtrack.client import YouTrackClient
from data.youtrack.transport import Retrying


def open_tracker(
    settings: Settings, http: httpx.Client, clock: Clock, *, retrying: Retrying | None = None
) -> YouTrackClient:
    """Return a client with this installation's mapping. Raises `SettingsError` for a mapping that is none."""
    mapping = load_mapping(settings.home)
    return YouTrackClient(
        http, settings.tracker_url, settings.tracker_token, clock, names=mapping, retrying=retrying
    )
