"""Pack the app for upload: `pack.py TARGET.zip`. The same files give the same bytes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

APP = Path(__file__).parent / "app"
_MOMENT = (2026, 1, 1, 0, 0, 0)  # times of files would make every checkout another package


def pack(target: Path) -> list[str]:
    """Write the package to `target` and return the names in it."""
    files = sorted(p for p in APP.rglob("*") if p.is_file())
    names = [p.relative_to(APP).as_posix() for p in files]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as package:
        for path, name in zip(files, names, strict=True):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            package.writestr(entry, path.read_bytes())
    return names


if __name__ == "__main__":
    destination = Path(sys.argv[1])
    destination.parent.mkdir(parents=True, exist_ok=True)
    print(f"{destination}: {len(pack(destination))} files")
