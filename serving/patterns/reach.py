"""Opens the client system that the settings name."""

from __future__ import annotations

import httpx

from data.client_system import ClientSystem
from data.client_system_http import HttpClientSystem
from data.clock import Clock
from data.errors import SettingsError
from data.settings import Settings


def open_client_system(settings: Settings, http: httpx.Client, clock: Clock, tenant: str) -> ClientSystem:
    """Return one client's system: the configured one, or the sandbox's where the tracker is the sandbox.

    The sandbox's lives in this process, so what is done there is gone with it; `firstline sandbox
    client-system` serves one that stays. Raises `SettingsError` where there is none.
    """
    if settings.client_system_url:
        url, token = settings.client_system_url, settings.client_system_token
        return HttpClientSystem(http, url, token, tenant)
    remedy = "Set FIRSTLINE_CLIENT_SYSTEM_URL and FIRSTLINE_CLIENT_SYSTEM_TOKEN."
    if not settings.tracker_is_sandbox:
        raise SettingsError(
            "No client system is configured, so patterns have nothing to look at.", remedy=remedy
        )
    from data.sandbox.payroll.system import sandbox_systems
    from data.sandbox.world import WorldConfig

    found = sandbox_systems(WorldConfig(), clock).get(tenant)
    if found is None:
        raise SettingsError(f"The sandbox has no client {tenant}.", remedy=remedy)
    return found
