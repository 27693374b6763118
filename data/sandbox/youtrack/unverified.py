"""What nobody has checked on a real tracker yet: one named choice each, so that one look can flip it.

The rest of the stand-in reads these at the moment of use (`unverified.NAME`), never at import. The
choice is the harsher one for a client where there is one. Numbers in brackets: the question in the
contract's list of things to check.
"""

from __future__ import annotations

OLD_READABLE_ID_RESOLVES = False
"""Whether an issue still answers to its readable id from before a move [5]."""
MOVE_BY_SHORT_NAME = True
"""Whether a body may name a project by `shortName` instead of its database id."""
GUEST_READS_TICKETS = False
"""Whether the guest reads helpdesk tickets; public projects it reads."""
USERS_QUERY = True
"""Whether `/users` filters by `query` [10]."""
LINKS_ON_BOTH_ENDS = True
"""Whether a new link shows in the feed of both issues."""
HELPDESK_REQUESTER_EDITS = ("description", "summary")
"""What a requester may change on an own ticket."""
