"""`multipart/form-data` bodies."""

from __future__ import annotations

from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP

from data.sandbox.youtrack.errors import bad_request


@dataclass(frozen=True, slots=True)
class Part:
    """One part; `file_name` is empty for a plain value."""

    name: str
    file_name: str
    mime_type: str
    content: bytes


def parse_parts(content_type: str, body: bytes) -> list[Part]:
    """Return the parts. Raises `ApiError` 400 for a body without a boundary or without parts."""
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if "boundary=" not in content_type or not message.is_multipart():
        raise bad_request("The request was rejected because no multipart boundary was found")
    parts = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        parts.append(
            Part(
                str(name or ""),
                part.get_filename() or "",
                part.get_content_type(),
                content if isinstance(content, bytes) else b"",
            )
        )
    return parts
