"""The one place that opens the tracker's client: settings, mapping, and who we are."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from data.clock import Clock
from data.mapping import TrackerMapping
from data.mapping_file import load_mapping
from data.settings import Settings
from data.store import Store
from data.store.reach import StoredReach
from data.youtrack.client import YouTrackClient
from data.youtrack.gate import Gate, InMemory
from data.youtrack.reach import Rate
from data.youtrack.transport import Retrying


def open_tracker(
    settings: Settings,
    http: httpx.Client,
    clock: Clock,
    *,
    store: Store | None = None,
    retrying: Retrying | None = None,
    mapping: TrackerMapping | None = None,
) -> YouTrackClient:
    """Return a client with this installation's mapping. Raises `SettingsError` for a mapping that is none.

    With a `store` the rate and the breaker are shared with every other process that uses it.
    """
    mapping = mapping or load_mapping(settings.home)
    reaches = InMemory() if store is None else StoredReach(store, host_of(settings.tracker_url))
    gate = Gate(reaches, Rate(), clock)
    return YouTrackClient(
        http,
        settings.tracker_url,
        settings.tracker_token,
        clock,
        names=mapping,
        retrying=retrying,
        gate=gate,
        verify=True,
    )


def host_of(url: str) -> str:
    """Return host and port of an address: what one limiter and one breaker are for."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
