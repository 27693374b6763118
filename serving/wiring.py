"""The parts, put together from the settings."""

from __future__ import annotations

from pathlib import Path

import httpx

from data.errors import BundleError
from data.settings import Settings
from data.taxonomy import load_taxonomy
from eval.bundle import Bundle, load_bundle
from serving.autonomy import Autonomy, derive
from serving.engine import EmbeddingEngine, InProcessEngine, VllmEngine
from serving.policy import Policy, load_policy
from serving.triage import Triage

_PROMOTE = "Train and promote one: firstline train training/recipes/categorize.yaml, then firstline promote."


def champion_directory(settings: Settings) -> Path:
    """Return where the served bundle lies. Raises `BundleError` where none was promoted."""
    pointer = settings.bundles / "champion"
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"No bundle is promoted ({pointer} does not exist).", remedy=_PROMOTE) from None
    directory = settings.bundles / name
    if not name or Path(name).name != name or not directory.is_dir():
        raise BundleError(f"{pointer} names {name!r}, which is no bundle here.", remedy=_PROMOTE)
    return directory


def load_champion(settings: Settings) -> Bundle:
    """Verify and load the served bundle. Raises `BundleError` when it is damaged or does not fit."""
    return load_bundle(champion_directory(settings), taxonomy=load_taxonomy())


def load_triage(settings: Settings, *, threads: int = 1) -> Triage:
    """Load the champion bundle with its engine, policy and certificates.

    Nothing but files is needed, unless `engine_url` names a vLLM server.
    """
    bundle = load_champion(settings)
    policy = load_policy(settings.policy, bundle.taxonomy)
    return Triage(bundle, _engine(settings, bundle, threads), policy, autonomy_of(bundle, policy))


def _engine(settings: Settings, bundle: Bundle, threads: int) -> EmbeddingEngine:
    length = bundle.manifest.facts.max_tokens
    if not settings.engine_url:
        return InProcessEngine(bundle.path, max_length=length, threads=threads)
    # The model is asked for by the bundle's id, so that a server with another bundle's encoder refuses.
    http = httpx.Client(timeout=httpx.Timeout(30, connect=5))
    return VllmEngine(settings.engine_url, bundle.id, http, max_length=length)


def autonomy_of(bundle: Bundle, policy: Policy) -> Autonomy:
    """Certify the policy's promises on the bundle's own evidence."""
    try:
        return derive(policy, category=bundle.evidence["category"], priority=bundle.evidence["priority"])
    except (KeyError, ValueError) as error:
        raise BundleError(
            f"The evidence of bundle {bundle.id} cannot be used: {error}.",
            remedy="Train a bundle with this version (firstline train).",
        ) from None
