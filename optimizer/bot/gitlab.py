"""GitLab, over python-gitlab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import gitlab
from gitlab.exceptions import GitlabError, GitlabParsingError

from optimizer.bot import http
from optimizer.bot.forge import (
    TIMEOUT,
    Changed,
    ForgeError,
    Kind,
    Project,
    Request,
    State,
    Suggestion,
    Wanted,
    certificates,
    reachable,
)
from optimizer.bot.secret import Token

_DEVELOPER = 30
"""The access level from which on a user may push."""
_STATES: dict[str, State] = {"opened": "open", "locked": "open", "merged": "merged"}
_DRAFT = "Draft: "


class _Client(gitlab.Gitlab):
    """The client, which leaves waiting to the session: its own has no end and no jitter."""

    def http_request(self, *arguments: Any, **keywords: Any) -> Any:
        return super().http_request(*arguments, **{**keywords, "obey_rate_limit": False})


class GitLab:
    """A GitLab as one user of it sees it.

    :param url: where it is; what people type into a browser.
    """

    kind: Kind = "gitlab"
    noun = "merge request"
    user = "oauth2"

    def __init__(self, url: str, token: Token) -> None:
        self._token = token
        self._url = url.rstrip("/")
        self._client = _Client(
            self._url, private_token=token.reveal(), timeout=TIMEOUT, per_page=100, keep_base_url=True,
            user_agent="dockopt",
            session=http.session(), ssl_verify=certificates(),
        )  # fmt: skip
        self._ids: dict[str, int | None] = {}

    def project(self, path: str) -> Project:
        with self._speaking():
            found = self._client.projects.get(path).attributes
        levels = [(found.get("permissions") or {}).get(key) or {} for key in ("project_access", "group_access")]
        known = [level.get("access_level") or 0 for level in levels]
        # An administrator, or who may by a group that was invited, has no level here: then the push will tell.
        may_push = not any(known) or max(known) >= _DEVELOPER
        return Project(
            str(found["path_with_namespace"]),
            reachable(self._url, str(found["http_url_to_repo"])),
            "" if found.get("empty_repo") else str(found.get("default_branch") or ""),
            bool(found.get("archived")),
            may_push,
        )

    def projects(self, group: str, topic: str) -> Iterator[str]:
        chosen: dict[str, Any] = {"iterator": True, "archived": False, "order_by": "id", "sort": "asc"}
        with self._speaking():
            if group:
                listed = self._client.groups.get(group, lazy=True).projects.list(
                    **chosen, include_subgroups=True, with_shared=False
                )
            else:
                listed = self._client.projects.list(**chosen | ({"topic": topic} if topic else {}))
            for each in listed:
                # GitLab chooses by topic among all projects only; in a group it would pass over the word
                if not topic or topic in each.attributes["topics"]:
                    yield str(each.attributes["path_with_namespace"])

    def requests(self, project: Project, branch: str) -> list[Request]:
        with self._speaking():
            listed = self._requests(project).list(
                source_branch=branch, state="all", order_by="created_at", sort="desc", get_all=True
            )
            return [_request(each) for each in listed if _is_inside(each)]

    def open(self, project: Project, wanted: Wanted) -> Request:
        people = {"assignee_ids": self._people(wanted.assignees), "reviewer_ids": self._people(wanted.reviewers)}
        fields = {
            "source_branch": wanted.branch,
            "target_branch": wanted.target,
            "title": _DRAFT * wanted.draft + wanted.title,
            "description": wanted.text,
            "remove_source_branch": True,
            **({"labels": ",".join(wanted.labels)} if wanted.labels else {}),
            **{key: ids for key, ids in people.items() if ids},
        }
        try:
            with self._speaking():
                return _request(self._requests(project).create(fields))
        except ForgeError as error:
            if error.status == 409 and (there := self._opened(project, wanted)):
                return there
            raise

    def _opened(self, project: Project, wanted: Wanted) -> Request | None:
        """The open request between these branches, made to be as wanted: another run was faster."""
        for request in self.requests(project, wanted.branch):
            if request.state == "open":
                self.update(project, request, wanted)
                return request
        return None

    def update(self, project: Project, request: Request, wanted: Wanted) -> None:
        # The title keeps its mark of a draft: whoever has set or removed it has decided so.
        with self._speaking():
            found = self._requests(project).get(request.number)
            mark = _DRAFT * bool(found.attributes.get("draft"))
            self._requests(project).update(
                request.number,
                {"title": mark + wanted.title, "description": wanted.text, "target_branch": wanted.target},
            )

    def close(self, project: Project, request: Request, text: str) -> None:
        with self._speaking():
            self._requests(project).update(request.number, {"description": text, "state_event": "close"})

    def comments(self, project: Project, request: Request) -> Iterator[str]:
        with self._speaking():
            for note in self._request(project, request).notes.list(iterator=True):
                yield str(note.attributes.get("body") or "")

    def comment(self, project: Project, request: Request, text: str) -> None:
        with self._speaking():
            self._request(project, request).notes.create({"body": text})

    def opened(self, project: Project) -> Iterator[Request]:
        with self._speaking():
            for each in self._requests(project).list(state="opened", order_by="created_at", sort="desc", iterator=True):
                yield _request(each)

    def changed(self, project: Project, request: Request) -> Iterator[Changed]:
        with self._speaking():
            # The client has no method for it.
            listed = self._client.http_list(
                f"/projects/{quote(project.path, safe='')}/merge_requests/{request.number}/diffs", iterator=True
            )
            for diff in listed:
                if not diff.get("deleted_file"):
                    yield Changed(str(diff["new_path"]), str(diff.get("diff") or ""))

    def ref(self, request: Request) -> str:
        return f"refs/merge-requests/{request.number}/head"

    def suggest(self, project: Project, request: Request, suggestions: list[Suggestion]) -> None:
        with self._speaking():
            found = self._requests(project).get(request.number)
            refs = found.attributes["diff_refs"]
            for each in suggestions:
                position = {
                    "position_type": "text",
                    "base_sha": refs["base_sha"],
                    "start_sha": refs["start_sha"],
                    "head_sha": refs["head_sha"],
                    "old_path": each.path,
                    "new_path": each.path,
                    "new_line": each.last,
                }
                body = each.block(f"suggestion:-{each.last - each.first}+0")
                found.discussions.create({"body": body, "position": position})

    def _requests(self, project: Project) -> Any:
        return self._client.projects.get(project.path, lazy=True).mergerequests

    def _request(self, project: Project, request: Request) -> Any:
        return self._requests(project).get(request.number, lazy=True)

    def _people(self, names: tuple[str, ...]) -> list[int]:
        """The numbers of users by their names; who is not there is left out."""
        for name in names:
            if name not in self._ids:
                with self._speaking():
                    found = self._client.users.list(username=name, get_all=False)
                    self._ids[name] = int(found[0].attributes["id"]) if found else None
        return [number for name in names if (number := self._ids[name]) is not None]

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        with http.answers(self._token):
            try:
                yield
            except GitlabParsingError:
                raise ForgeError(0, "what answers there is no GitLab: is its address right?") from None
            except GitlabError as error:
                said = self._token.hide(str(error.error_message or ""))[:300]
                raise http.refused(error.response_code or 0, said) from None


def _request(found: Any) -> Request:
    said = found.attributes
    return Request(
        int(said["iid"]),
        str(said["web_url"]),
        str(said["source_branch"]),
        _STATES.get(said["state"], "closed"),
        str(said.get("description") or ""),
        str((said.get("author") or {}).get("username") or ""),
        str(said.get("sha") or ""),
    )


def _is_inside(found: Any) -> bool:
    """Whether a request comes from the repository itself, not from a fork of it."""
    return bool(found.attributes["source_project_id"] == found.attributes["target_project_id"])
