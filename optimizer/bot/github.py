"""GitHub, over PyGithub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import github
from github import Auth, GithubException

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

HOST = "https://github.com"
API = "https://api.github.com"
PACE = (0.25, 1.0)
"""Seconds between two questions, and between two changes: what GitHub asks of programs."""


class GitHub:
    """A GitHub as one user of it sees it.

    :param url: where it is; what people type into a browser.
    """

    kind: Kind = "github"
    noun = "pull request"
    user = "x-access-token"

    def __init__(self, url: str, token: Token) -> None:
        self._token = token
        self._url = url.rstrip("/")
        self._client = github.Github(
            auth=Auth.Token(token.reveal()), base_url=API if self._url == HOST else f"{self._url}/api/v3",
            timeout=int(TIMEOUT), per_page=100, user_agent="dockopt", retry=http.Patience(), verify=certificates(),
            seconds_between_requests=PACE[0], seconds_between_writes=PACE[1], lazy=True,
        )  # fmt: skip

    def project(self, path: str) -> Project:
        with self._speaking():
            found: Any = self._client.get_repo(path)
            if not isinstance(found.clone_url, str):
                raise ForgeError(0, "what answers there is no GitHub: is its address right?")
            permissions = found.permissions
            return Project(
                found.full_name,
                reachable(self._url, found.clone_url),
                found.default_branch or "",
                bool(found.archived),
                bool(permissions.push) if permissions is not None else True,
            )

    def projects(self, group: str, topic: str) -> Iterator[str]:
        with self._speaking():
            for each in self._repositories(group, topic):
                if not each.archived:
                    yield each.full_name

    def _repositories(self, group: str, topic: str) -> Any:
        if topic:
            return self._client.search_repositories(f"topic:{topic}" + f" user:{group}" * bool(group), sort="updated")
        try:
            organization = self._client.get_organization(group)
            organization.update()  # says whether there is one
            return organization.get_repos(type="all")
        except github.UnknownObjectException:  # a person's
            return self._client.get_user(group).get_repos(type="owner")

    def requests(self, project: Project, branch: str) -> list[Request]:
        owner = project.path.partition("/")[0]
        with self._speaking():
            listed = self._repository(project).get_pulls(
                state="all", head=f"{owner}:{branch}", sort="created", direction="desc"
            )
            return [
                _request(each)
                for each in listed
                if each.head.ref == branch and each.head.repo is not None and each.head.repo.full_name == project.path
            ]

    def open(self, project: Project, wanted: Wanted) -> Request:
        try:
            with self._speaking():
                made = self._repository(project).create_pull(
                    wanted.target, wanted.branch, title=wanted.title, body=wanted.text, draft=wanted.draft,
                    maintainer_can_modify=True,
                )  # fmt: skip
        except ForgeError as error:
            if error.status == 422 and (there := self._opened(project, wanted)):
                return there
            raise
        # What cannot be had, such as somebody who is not there, is left out.
        with suppress(ForgeError), self._speaking():
            if wanted.labels or wanted.assignees:
                made.as_issue().edit(labels=list(wanted.labels), assignees=list(wanted.assignees))
        for name in wanted.reviewers:
            with suppress(ForgeError), self._speaking():
                made.create_review_request([name])
        return _request(made)

    def _opened(self, project: Project, wanted: Wanted) -> Request | None:
        """The open request between these branches, made to be as wanted: another run was faster."""
        for request in self.requests(project, wanted.branch):
            if request.state == "open":
                self.update(project, request, wanted)
                return request
        return None

    def update(self, project: Project, request: Request, wanted: Wanted) -> None:
        with self._speaking():
            self._request(project, request).edit(title=wanted.title, body=wanted.text, base=wanted.target)

    def close(self, project: Project, request: Request, text: str) -> None:
        with self._speaking():
            self._request(project, request).edit(body=text, state="closed")

    def comments(self, project: Project, request: Request) -> Iterator[str]:
        with self._speaking():
            found = self._request(project, request)
            for comment in (*found.get_issue_comments(), *found.get_comments()):
                yield comment.body or ""

    def comment(self, project: Project, request: Request, text: str) -> None:
        with self._speaking():
            self._request(project, request).create_issue_comment(text)

    def opened(self, project: Project) -> Iterator[Request]:
        with self._speaking():
            for each in self._repository(project).get_pulls(state="open", sort="created", direction="desc"):
                yield _request(each)

    def changed(self, project: Project, request: Request) -> Iterator[Changed]:
        with self._speaking():
            for file in self._request(project, request).get_files():
                if file.status != "removed":
                    yield Changed(file.filename, file.patch or "")

    def ref(self, request: Request) -> str:
        return f"refs/pull/{request.number}/head"

    def suggest(self, project: Project, request: Request, suggestions: list[Suggestion]) -> None:
        comments: list[Any] = []
        for each in suggestions:
            several = {"start_line": each.first, "start_side": "RIGHT"} if each.first < each.last else {}
            comments.append(
                {"path": each.path, "line": each.last, "side": "RIGHT", "body": each.block("suggestion"), **several}
            )
        with self._speaking():
            self._request(project, request).create_review(
                event="COMMENT", body="Some of these lines could make the build smaller or faster.", comments=comments
            )

    def _repository(self, project: Project) -> Any:
        return self._client.get_repo(project.path)

    def _request(self, project: Project, request: Request) -> Any:
        return self._repository(project).get_pull(request.number)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        with http.answers(self._token):
            try:
                yield
            except GithubException as error:
                headers = {name.lower(): value for name, value in (error.headers or {}).items()}
                raise http.refused(error.status, self._said(error), headers.get("retry-after", "")) from None

    def _said(self, error: GithubException) -> str:
        data: Any = error.data
        if not isinstance(data, dict):
            return self._token.hide(str(error.message or ""))[:300]
        details = (each.get("message") or each.get("code") or "" for each in _dicts(data.get("errors")))
        return self._token.hide("; ".join([str(data.get("message") or ""), *filter(None, map(str, details))]))[:300]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _request(found: Any) -> Request:
    state: State = "open" if found.state == "open" else "merged" if found.merged_at else "closed"
    author = found.user.login if found.user is not None else ""
    return Request(
        found.number, found.html_url, found.head.ref, state, found.body or "", author or "", found.head.sha or ""
    )
