"""How GitHub answers, as far as the bot asks. Sources: GitHub's documentation of its REST API, and its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.bot.forge import ME
from tests.bot.gitlab_api import patches

if TYPE_CHECKING:
    from tests.bot.forge import Forge, Project, Request

Query = dict[str, str]
MISSING: Any = (404, {"message": "Not Found"}, {})


def _repository(act: Callable[[Forge, Project, Query, Any], Any]) -> Any:
    def answered(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
        found = forge.projects.get("/".join(places[:2]))
        return MISSING if found is None else act(forge, found, query, body)

    return answered


def _shown(forge: Forge, found: Project) -> Any:
    owner, name = found.path.split("/")
    return {
        "id": found.id,
        "name": name,
        "full_name": found.path,
        "owner": {"login": owner},
        "url": f"{forge.url}/api/v3/repos/{found.path}",
        "clone_url": f"https://github.internal/{found.path}.git",
        "default_branch": found.branch,
        "archived": found.archived,
        "size": 0 if found.empty else 1,
        "permissions": {"pull": True, "push": found.access >= 30, "admin": False},
    }


def _owned(forge: Forge, owner: str) -> list[Any]:
    return [_shown(forge, each) for path, each in forge.projects.items() if path.startswith(f"{owner}/")]


def organization(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    if not _owned(forge, places[0]) or places[0] in forge.users:
        return MISSING
    return {"login": places[0], "url": f"{forge.url}/api/v3/orgs/{places[0]}"}


def user(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    return {"login": places[0], "url": f"{forge.url}/api/v3/users/{places[0]}"} if _owned(forge, places[0]) else MISSING


def owned(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    return _owned(forge, places[0])


def search(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    words = dict(word.split(":", 1) for word in query["q"].split(" "))
    found = [
        _shown(forge, each)
        for path, each in forge.projects.items()
        if words["topic"] in each.topics and path.startswith(f"{words['user']}/" if "user" in words else "")
    ]
    return 200, {"total_count": len(found), "incomplete_results": False, "items": found}, {}


def requests(forge: Forge, found: Project, query: Query, body: Any) -> Any:
    return [
        _request(forge, found, each)
        for each in sorted(found.requests.values(), key=lambda each: -each.number)
        if query.get("head", f":{each.source}").partition(":")[2] == each.source
        and query.get("state", "open") in ("all", each.state)
    ]


def create(forge: Forge, found: Project, query: Query, body: Any) -> Any:
    from tests.bot.forge import Request

    def invalid(message: str) -> Any:
        error = {"resource": "PullRequest", "code": "custom", "message": message}
        return 422, {"message": "Validation Failed", "errors": [error]}, {}

    if body["head"] not in found.heads():
        return 422, {"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]}, {}
    if any((each.source, each.target) == (body["head"], body["base"]) for each in found.open()):
        return invalid(f"A pull request already exists for {found.path.split('/')[0]}:{body['head']}.")
    made = Request(
        len(found.requests) + 1, body["head"], body["base"], body["title"], body["body"], draft=body.get("draft", False)
    )
    found.requests[made.number] = made
    return _request(forge, found, made)


def _request(forge: Forge, found: Project, each: Request) -> Any:
    api = f"{forge.url}/api/v3/repos/{found.path}"
    return {
        "number": each.number,
        "url": f"{api}/pulls/{each.number}",
        "issue_url": f"{api}/issues/{each.number}",
        "html_url": f"{forge.url}/{found.path}/pull/{each.number}",
        "state": "open" if each.state == "open" else "closed",
        "merged_at": "2026-01-01T00:00:00Z" if each.state == "merged" else None,
        "title": each.title,
        "body": each.text,
        "draft": each.draft,
        "user": {"login": each.author},
        "head": {"ref": each.source, "sha": found.heads().get(each.source, ""), "repo": _shown(forge, found)},
        "base": {"ref": each.target, "sha": found.heads().get(each.target, ""), "repo": _shown(forge, found)},
    }


def _one(act: Callable[[Forge, Project, Request, Query, Any], Any]) -> Any:
    def answered(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
        found = forge.projects.get("/".join(places[:2]))
        each = found.requests.get(int(places[2])) if found else None
        return MISSING if found is None or each is None else act(forge, found, each, query, body)

    return answered


def change(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    each.title = body.get("title", each.title)
    each.text = body.get("body", each.text)
    each.target = body.get("base", each.target)
    each.state = body.get("state", each.state)
    return _request(forge, found, each)


def comment(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    each.comments.append(body["body"])
    return {"id": len(each.comments), "body": body["body"], "user": {"login": ME}}


def comments(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    return [{"id": number, "body": text} for number, text in enumerate(each.comments, 1)]


def line_comments(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    return [{"id": number, "body": text["body"]} for number, text in enumerate(each.suggestions, 1)]


def issue(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    if body is not None:
        each.labels = body["labels"]
        each.assignees = [name for name in body["assignees"] if name in forge.users]
    return {"number": each.number, "url": f"{forge.url}/api/v3/repos/{found.path}/issues/{each.number}"}


def reviewers(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    if unknown := [name for name in body["reviewers"] if name not in forge.users]:
        return 422, {"message": f"Reviews may only be requested from collaborators: {unknown}"}, {}
    each.reviewers += body["reviewers"]
    return _request(forge, found, each)


def files(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    return [{"filename": path, "status": "modified", "patch": patch} for path, patch in patches(found, each)]


def review(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    each.suggestions += body["comments"]
    return 200, {"id": 1, "body": body.get("body", "")}, {}


_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{issue_number}}"
_PULL = f"{_REPO}/pulls/{{pull_number}}"
ROUTES: dict[tuple[str, str], Any] = {
    ("GET", "/orgs/{org}"): organization,
    ("GET", "/orgs/{org}/repos"): owned,
    ("GET", "/users/{username}"): user,
    ("GET", "/users/{username}/repos"): owned,
    ("GET", "/search/repositories"): search,
    ("GET", _REPO): _repository(lambda forge, found, query, body: _shown(forge, found)),
    ("GET", f"{_REPO}/pulls"): _repository(requests),
    ("POST", f"{_REPO}/pulls"): _repository(create),
    ("GET", _PULL): _one(lambda forge, found, each, query, body: _request(forge, found, each)),
    ("PATCH", _PULL): _one(change),
    ("GET", f"{_ISSUE}/comments"): _one(comments),
    ("POST", f"{_ISSUE}/comments"): _one(comment),
    ("GET", _ISSUE): _one(issue),
    ("PATCH", _ISSUE): _one(issue),
    ("GET", f"{_PULL}/comments"): _one(line_comments),
    ("GET", f"{_PULL}/files"): _one(files),
    ("POST", f"{_PULL}/requested_reviewers"): _one(reviewers),
    ("POST", f"{_PULL}/reviews"): _one(review),
}
