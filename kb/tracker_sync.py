"""Carrying out a sync with the tracker's knowledge base: one write at a time, each noted at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from data.errors import BadInputError, TrackerError
from data.taxonomy import Taxonomy
from data.youtrack import wire
from data.youtrack.client import YouTrackClient
from data.youtrack.query import path_part
from kb import lifecycle
from kb.article import Article, parse_article
from kb.document import read_text
from kb.editing import edited, replace_file
from kb.library import Library
from kb.problem import DocumentsError
from kb.sync_plan import WRITES, Base, Remote, Step, digest, incoming, outgoing, plan, readable_names

_FIELDS = "id,idReadable,summary,content,updatedBy(login),visibility($type)"
_ROUNDS = 2  # links need the ids of articles that the first round makes


class BaseFile:
    """What was synced last, per project, in one JSON file. Written after every step."""

    def __init__(self, path: Path, project: str) -> None:
        self._path, self._project = path, project
        try:
            self._all: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            self.bases = {k: Base(**v) for k, v in self._all.get(project, {}).items()}
        except (ValueError, TypeError, AttributeError):
            raise BadInputError(
                f"{path} cannot be read.",
                remedy="Restore it from a backup; without it every article counts as never synced.",
            ) from None

    def note(self, article: str, base: Base) -> None:
        """Remember one article's sync."""
        self.bases[article] = base
        self._all[self._project] = {k: asdict(b) for k, b in self.bases.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, json.dumps(self._all, indent=1, sort_keys=True))


class TrackerSync:
    """One project's articles and ours. Raises `TrackerError`; what was done until then is noted."""

    def __init__(self, client: YouTrackClient, project: str, notes: BaseFile, taxonomy: Taxonomy) -> None:
        self._client, self._project, self._notes, self._taxonomy = client, project, notes, taxonomy

    def plan(self, library: Library) -> list[Step]:
        """Return what a sync would do now."""
        return plan(library.articles, self._remotes().values(), self._notes.bases)

    def apply(self, read: Callable[[], Library], progress: Callable[[str], None]) -> list[Step]:
        """Do what can be done without overwriting anything; return all steps, with those that remain."""
        done: dict[tuple[str, str], Step] = {}
        for _ in range(_ROUNDS):
            library = read()
            for step in self.plan(library):
                done[(step.article or step.readable, step.deed)] = step
                if step.deed in WRITES:
                    taken = self._take(step, library)
                    progress(f"{taken.deed}: {taken.article}")
                    done[(step.article, step.deed)] = taken
        self._refuse_exposed(read())
        return list(done.values())

    def _take(self, step: Step, library: Library) -> Step:
        """Take one step if it is still the right one; return what was done, or what is to be done instead.

        The tracker is looked at again right before the write: it has no conditional update.
        """
        remotes, bases = self._remotes(), self._notes.bases
        fresh = plan(library.articles, remotes.values(), bases)
        now = next((s for s in fresh if s.article == step.article), None)
        if now is None or now.deed != step.deed:
            return now or step
        article = next(a for a in library.articles if a.id == step.article)
        names = readable_names(library.articles, remotes, bases)
        match step.deed:
            case "create":
                self._write(article, "/articles", outgoing(article, names), None)
            case "push":
                base = bases[article.id]
                self._write(article, f"/articles/{path_part(base.tracker)}", outgoing(article, names), base)
            case "adopt":
                remote = next(r for r in remotes.values() if r.readable == step.readable)
                seen = digest(remote.summary, remote.content)
                self._notes.note(article.id, Base(remote.id, seen, seen))
            case "pull":
                return self._pull(article, remotes[bases[article.id].tracker], names, step)
        return now

    def _write(self, article: Article, path: str, content: str, base: Base | None) -> None:
        body: dict[str, Any] = {"summary": article.title, "content": content}
        if base is None:
            body["project"] = {"id": self._project_id()}
            body["visibility"] = self._visibility(article)
        made = self._client.create(path, body)
        sent = digest(article.title, content)
        self._notes.note(article.id, Base(made, sent, sent))

    def _pull(self, article: Article, remote: Remote, names: Mapping[str, str], step: Step) -> Step:
        """Make the tracker's text the next draft; what fails the check stays there and is shown."""
        path = article.document.path
        entries = lifecycle.revise(article.record, by=remote.updated_by)
        head = edited(read_text(path), {**entries, "title": remote.summary.strip()})
        front = head[: head.index("\n---\n", 4) + len("\n---\n")]
        text = f"{front}{incoming(article, remote.content, names)}\n"
        try:
            parse_article(path, text, self._taxonomy)
        except DocumentsError as error:
            why = "changed there, but not fit for use: " + "; ".join(p.what for p in error.problems)
            return replace(step, deed="conflict", why=why)
        replace_file(path, text)
        seen = digest(remote.summary, remote.content)
        self._notes.note(article.id, Base(remote.id, seen, seen))
        return step

    def _visibility(self, article: Article) -> dict[str, Any]:
        """What is written for agents tells how fraud is noticed: only the project's team may read it."""
        if article.audience == "requester" and not article.clients:
            return {"$type": "UnlimitedVisibility"}
        group = self._client.team_group(self._project)
        return {"$type": "LimitedVisibility", "permittedGroups": [{"id": group}], "permittedUsers": []}

    def _refuse_exposed(self, library: Library) -> None:
        remotes, bases = self._remotes(), self._notes.bases
        exposed = [
            remotes[b.tracker].readable
            for a in library.articles
            if (b := bases.get(a.id)) and b.tracker in remotes and not remotes[b.tracker].limited
            if a.audience == "agent" or a.clients
        ]
        if exposed:
            raise TrackerError(
                f"Articles for agents can be read by everybody in the tracker: {', '.join(sorted(exposed))}.",
                remedy="Limit them to the team there; check workflow rules that change who may read.",
            )

    def _remotes(self) -> dict[str, Remote]:
        path = self._client.project_path(self._project, "articles")
        return {r.id: r for r in map(_remote, self._client.listing(path, _FIELDS))}

    def _project_id(self) -> str:
        for raw in self._client.listing("/admin/projects", "id,shortName"):
            if raw.get("shortName") == self._project:
                return str(wire.need(raw, "id", str))
        raise TrackerError(f"There is no project {self._project}.", remedy="Correct FIRSTLINE_PROJECT.")


def _remote(raw: Any) -> Remote:
    limited = wire.short_type(raw.get("visibility") or {}) == "LimitedVisibility"
    who = (raw.get("updatedBy") or {}).get("login") or "somebody in the tracker"
    return Remote(
        *(wire.need(raw, "id", str), wire.need(raw, "idReadable", str), raw.get("summary") or ""),
        *(raw.get("content") or "", who, limited),
    )
