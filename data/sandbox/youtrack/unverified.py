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
FEED_TELLS_RELATION = True
"""Whether the `field` of an entry about links has the link's words ("duplicates")."""
HELPDESK_REQUESTER_EDITS = ("description", "summary")
"""What a requester may change on an own ticket."""
VETO_STATUS, VETO_ERROR = 400, "Bad Request"
"""Status and `error` of a change that a workflow rule refuses [8]; the rule's text is the description."""
SLA_WRITE_STATUS = 400
"""Status for writing an SLA timer, which is read-only in the product [9]."""
SLA_PAUSED_TIME = "since"
"""`since`: `pausedTime` is the moment of the pause (ms); `total`: how long the timer has been paused."""
STATE_MACHINE_TAKES_VALUE = False
"""Whether a state machine's field can be written by value, without an event."""
WRONG_FIELD_TYPE_STATUS = 400
"""Status for a wrong `$type` of a custom field or its value; 500 was documented too."""
FITTING_VALUE_EXCUSES_FIELD_TYPE = True
"""Whether a wrong `$type` of a field is overlooked where the value's own `$type` fits. The observed refusal
named the type of the value, and a public client (`yt issues move`) relies on this."""
DEFAULT_PAGE = 42
"""Page length without `$top`, of `/issues` too [7]: its page says 500, the general one 42."""
FEED_PAGE = 42
"""Page length of `/activitiesPage` without `$top` [4]."""
LAST_CURSOR_IS_NULL = False
"""Whether `afterCursor` is null on the last page of the feed [4]."""
SILENT_NEEDS_PERMISSION = True
"""Whether `muteUpdateNotifications` and `silent` are refused (403) to who is not in the team [14]."""
COMMAND_ERROR, COMMAND_ERROR_TEXT = "invalid_command", "Command [{query}] is invalid: {detail}"
"""`error` and description of a command that cannot be parsed."""
FILE_URL_SECONDS = 3600
"""How long a signed attachment link answers [12]."""
REPORTER_ON_CREATE = "ignored"
"""`honoured`, `ignored` or `refused`: what `reporter` in the body of a new issue does [6]."""
NON_AGENT_PUBLIC_COMMENT = "forbidden"
"""`forbidden` (403) or `limited` (silently for the team): a standard user's in a helpdesk project [2]."""
AGENT_COMMENT_WITHOUT_VISIBILITY = "public"
"""`public` or `team`: what an agent's comment without `visibility` is [1]."""
NEW_PROJECT_FIELDS: list[tuple[str, str, list[str], str | None]] = [
    ("Priority", "enum[1]", ["Show-stopper", "Critical", "Major", "Normal", "Minor"], "Normal"),
    ("Type", "enum[1]", ["Bug", "Feature", "Task"], "Task"),
    ("State", "state[1]", ["Submitted", "Open", "In Progress", "!Fixed", "!Won't fix"], "Submitted"),
    ("Assignee", "user[1]", [], None),
]
"""Which fields a project has that was made over the API."""
OWN_ISSUE_TAKES_VOTES = False
"""Whether one can vote for an issue that one has reported."""
WATCHERS_HAVE_A_LIST = True
"""Whether an issue's watchers can be listed and added under `/watchers/issueWatchers`."""
OLD_TAG_PATHS = True
"""Whether tags still answer under `/issueTags`, their path before 2021."""
FEED_TYPES = {
    "StarCategory": "StarActivityItem",
    "IssueMentionCategory": "IssueMentionActivityItem",
    "CommentMentionCategory": "CommentMentionActivityItem",
}
"""`$type` of activities whose names are in no text that was seen."""
FEED_ALIASES = {"PermittedGroupCategory": "IssueVisibilityCategory"}
"""Categories asked for under another name than the one that activities carry."""
ACTIVITY_ID_PAGE = "contains"
"""`contains`: a page asked for by `activityId` begins with that activity; `behind`: right after it."""
SLA_HOURS = (9, 18)
"""When goals of SLA policies run: hours of the day, UTC; the documented default."""
SLA_DAYS = 5
"""On how many days from Monday on they run."""
READ_ONLY_IN_BODY = "ignored"
"""`ignored` or `refused` (400): an attribute in a body that the entity has but nobody can write. Generated
clients send every attribute of their models; an attribute that the entity does not have is always refused."""
