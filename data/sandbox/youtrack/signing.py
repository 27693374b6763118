"""Links to files that work without a token until they expire."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.model import Attachment


@dataclass
class FileKey:
    """Signs links; `now` (ms) is the moment of the request being answered."""

    secret: bytes = b"stand-in"
    now: int = 0

    def url(self, attachment: Attachment) -> str:
        """Return a link that works until it expires."""
        until = self.now + 1000 * unverified.FILE_URL_SECONDS
        return f"/api/files/{attachment.id}?sign={self.sign(attachment, until)}&updated={attachment.updated}"

    def sign(self, attachment: Attachment, until: int) -> str:
        """Return the signature with its end of life in front."""
        text = f"{attachment.id}.{attachment.updated}.{until}".encode()
        return f"{until}.{hmac.new(self.secret, text, hashlib.sha256).hexdigest()[:40]}"

    def accepts(self, attachment: Attachment, sign: str) -> bool:
        """Tell whether a link is ours and still valid."""
        until = sign.partition(".")[0]
        if not until.isdigit() or int(until) < self.now:
            return False
        return hmac.compare_digest(sign.encode(), self.sign(attachment, int(until)).encode())
