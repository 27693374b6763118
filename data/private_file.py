"""Files of the installation that only their owner may read: made once, whoever comes first."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def create_once(path: Path, content: bytes) -> None:
    """Write `content` to `path` (mode 0600) unless somebody else was first. Raises `OSError`."""
    # A name of its own, never used before: a draft that a killed process left may be a link to the very
    # file that is in use, and writing to it would change that file.
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link fails where somebody else was first; its content is then the one that counts.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
