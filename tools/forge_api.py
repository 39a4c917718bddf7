"""Makes tests/bot/openapi/github.json: what GitHub's official description says of the requests that the bot makes.

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    python -m tools.forge_api package/generated/api.github.com.json package/package.json

Kept are parameters and bodies, without prose and without answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

USED = {
    "/orgs/{org}": ["get"],
    "/orgs/{org}/repos": ["get"],
    "/repos/{owner}/{repo}": ["get"],
    "/repos/{owner}/{repo}/issues/{issue_number}": ["get", "patch"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/pulls": ["get", "post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["get", "patch"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/comments": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/files": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers": ["post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews": ["post"],
    "/search/repositories": ["get"],
    "/users/{username}": ["get"],
    "/users/{username}/repos": ["get"],
}
PROSE = ("description", "summary", "example", "examples", "externalDocs", "title")
TO = Path(__file__).resolve().parent.parent / "tests" / "bot" / "openapi" / "github.json"


def main() -> None:
    """Read the whole description, write what is used of it."""
    whole, package = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
    paths = {
        path: {method: _operation(whole, whole["paths"][path][method]) for method in methods}
        for path, methods in USED.items()
    }
    source = f"{package['name']} {package['version']} (npm), licence {package['license']}, see LICENSE.github"
    TO.write_text(json.dumps({"openapi": whole["openapi"], "source": source, "paths": paths}, indent=1) + "\n")


def _operation(whole: Any, operation: Any) -> Any:
    kept = {"parameters": [_inlined(whole, each) for each in operation.get("parameters", [])]}
    if "requestBody" in operation:
        kept["requestBody"] = _inlined(whole, operation["requestBody"])
    return kept


def _inlined(whole: Any, value: Any) -> Any:
    """A piece with what it refers to in its place, without prose."""
    if isinstance(value, list):
        return [_inlined(whole, each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        found = whole
        for name in value["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return _inlined(whole, found)
    return {
        key: {name: _inlined(whole, each) for name, each in inner.items()}
        if key == "properties"
        else _inlined(whole, inner)
        for key, inner in value.items()
        if key not in PROSE and not key.startswith("x-")
    }


if __name__ == "__main__":
    main()
