"""Files of the installation that only their owner may read: made once, whoever comes first."""

from __future__ import annotations

import os
from pathlib import Path


def create_once(path: Path, content: bytes) -> None:
    """Write `content` to `path` (mode 0600) unless another process was first. Raises `OSError`."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        # A link fails where another process was first; its content is then the one that counts.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
