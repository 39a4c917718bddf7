"""How GitLab answers, as far as the bot asks. Sources: GitLab's documentation of its REST API, and its messages."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.bot.forge import ME

if TYPE_CHECKING:
    from tests.bot.forge import Forge, Project, Request

Query = dict[str, str]
_STATES = {"open": "opened"}


def _missing(what: str) -> Any:
    return 404, {"message": f"404 {what} Not Found"}, {}


def project(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    found = _project(forge, places[0])
    return _missing("Project") if found is None else _shown(forge, found)


def _project(forge: Forge, id: str) -> Project | None:
    return next((each for each in forge.projects.values() if id in (each.path, str(each.id))), None)


def _shown(forge: Forge, found: Project) -> Any:
    return {
        "id": found.id,
        "path_with_namespace": found.path,
        "http_url_to_repo": f"http://gitlab.internal/{found.path}.git",
        "default_branch": None if found.empty else found.branch,
        "archived": found.archived,
        "empty_repo": found.empty,
        "topics": list(found.topics),
        "permissions": {"project_access": {"access_level": found.access}, "group_access": None},
    }


def projects(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    group = f"{places[0]}/" if places else ""
    if group and not any(path.startswith(group) for path in forge.projects):
        return _missing("Group")
    return [
        _shown(forge, each)
        for path, each in forge.projects.items()
        if path.startswith(group) and not each.archived and query.get("topic", "") in ("", *each.topics)
    ]


def users(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    name = query["username"]
    return [{"id": forge.users[name], "username": name}] if name in forge.users else []


def requests(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    found = _project(forge, places[0])
    if found is None:
        return _missing("Project")
    return [
        _request(forge, found, each)
        for each in sorted(found.requests.values(), key=lambda each: -each.number)
        if query.get("source_branch", each.source) == each.source
        and query.get("state", "all") in ("all", _STATES.get(each.state, each.state))
    ]


def create(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
    from tests.bot.forge import Request

    found = _project(forge, places[0])
    if found is None:
        return _missing("Project")
    if body["source_branch"] not in found.heads():
        return 400, {"message": {"source_branch": ["does not exist"]}}, {}
    for each in found.open():
        if (each.source, each.target) == (body["source_branch"], body["target_branch"]):
            message = f"Another open merge request already exists for this source branch: !{each.number}"
            return 409, {"message": [message]}, {}
    labels = body.get("labels") or []
    made = Request(
        len(found.requests) + 1, body["source_branch"], body["target_branch"], body["title"], body["description"],
        labels=labels.split(",") if isinstance(labels, str) else labels,
        assignees=body.get("assignee_ids", []), reviewers=body.get("reviewer_ids", []),
        draft=body["title"].startswith("Draft: "),
    )  # fmt: skip
    found.requests[made.number] = made
    return _request(forge, found, made)


def _request(forge: Forge, found: Project, each: Request) -> Any:
    head = found.heads().get(each.source, "")
    base = found.heads().get(each.target, "")
    return {
        "iid": each.number,
        "web_url": f"{forge.url}/{found.path}/-/merge_requests/{each.number}",
        "source_branch": each.source,
        "target_branch": each.target,
        "source_project_id": found.id,
        "target_project_id": found.id,
        "state": _STATES.get(each.state, each.state),
        "title": each.title,
        "draft": each.draft,
        "description": each.text,
        "author": {"username": each.author},
        "sha": head,
        "diff_refs": {"base_sha": base, "start_sha": base, "head_sha": head},
    }


def _one(act: Callable[[Forge, Project, Request, Query, Any], Any]) -> Any:
    def answered(forge: Forge, places: tuple[str, ...], query: Query, body: Any) -> Any:
        found = _project(forge, places[0])
        each = found.requests.get(int(places[1])) if found else None
        return _missing("Not found") if found is None or each is None else act(forge, found, each, query, body)

    return answered


def change(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    each.title = body.get("title", each.title)
    each.draft = each.title.startswith("Draft: ")
    each.text = body.get("description", each.text)
    each.target = body.get("target_branch", each.target)
    each.state = {"close": "closed", "reopen": "open"}.get(body.get("state_event"), each.state)
    return _request(forge, found, each)


def note(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    each.comments.append(body["body"])
    return {"id": len(each.comments), "body": body["body"], "author": {"username": ME}}


def notes(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    return [{"id": number, "body": text} for number, text in enumerate([*each.comments, *_texts(each)], 1)]


def _texts(each: Request) -> list[str]:
    return [suggestion["body"] for suggestion in each.suggestions]


def discussion(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    each.suggestions.append(body)
    return {"id": "0", "notes": []}


def diffs(forge: Forge, found: Project, each: Request, query: Query, body: Any) -> Any:
    return [
        {"new_path": path, "old_path": path, "diff": patch, "deleted_file": False}
        for path, patch in patches(found, each)
    ]


def patches(found: Project, each: Request) -> list[tuple[str, str]]:
    """The hunks of what a request changes, by file."""
    names = found.git("diff", "--name-only", each.target, each.source).splitlines()
    return [(name, _hunks(found, each, name)) for name in names]


def _hunks(found: Project, each: Request, name: str) -> str:
    texts = []
    for branch in (each.target, each.source):
        there = name in found.git("ls-tree", "-r", "--name-only", branch).splitlines()
        texts.append((found.read(branch, name) + "\n").splitlines(keepends=True) if there else [])
    return "".join(list(difflib.unified_diff(texts[0], texts[1]))[2:])


_MR = "/projects/{id}/merge_requests"
_ONE = f"{_MR}/{{merge_request_iid}}"
ROUTES: dict[tuple[str, str], Any] = {
    ("GET", "/projects/{id}"): project,
    ("GET", "/projects"): projects,
    ("GET", "/groups/{id}/projects"): projects,
    ("GET", "/users"): users,
    ("GET", _MR): requests,
    ("POST", _MR): create,
    ("GET", _ONE): _one(lambda forge, found, each, query, body: _request(forge, found, each)),
    ("PUT", _ONE): _one(change),
    ("GET", f"{_ONE}/notes"): _one(notes),
    ("POST", f"{_ONE}/notes"): _one(note),
    ("GET", f"{_ONE}/diffs"): _one(diffs),
    ("POST", f"{_ONE}/discussions"): _one(discussion),
}
