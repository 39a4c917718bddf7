"""npm, yarn and pnpm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.manifests.memory import Project, ask, found, refused


def package(**fields: Any) -> str:
    return json.dumps({"name": "a", "version": "1.0.0", **fields})


NPM = {"package.json": package(dependencies={"x": "^1"}), "package-lock.json": "{}", "index.js": ""}
YARN = {"package.json": package(), "yarn.lock": "", "index.js": ""}
PNPM = {"package.json": package(), "pnpm-lock.yaml": "", "index.js": ""}
COMMANDS = [
    ("npm ci", NPM),
    ("yarn install --frozen-lockfile", YARN),
    ("pnpm install --frozen-lockfile", PNPM),
]


@pytest.mark.parametrize(
    ("command", "project"),
    [
        *COMMANDS,
        ("npm ci --omit=dev --no-audit --loglevel error", NPM),
        ("npm clean-install --only production", NPM),
        ("yarn --pure-lockfile --production=true --network-timeout 100000", YARN),
        ("yarn install --immutable", YARN),
        ("pnpm i -P --frozen-lockfile", PNPM),
    ],
)
def test_package_json_and_its_lock_are_all_that_is_read(command: str, project: Project) -> None:
    answer = found(command, project)
    assert answer.files == tuple(sorted(set(project) - {"index.js"}))
    assert (answer.prefetch, answer.rewrites, answer.same_image, answer.proved) == ((), (), True, True)
    assert "node_modules" in answer.outputs


@pytest.mark.parametrize(
    ("command", "project", "rewrites"),
    [
        ("npm install", NPM, ("package-lock.json",)),
        ("npm install --no-package-lock", NPM, ()),
        ("npm install", {"package.json": package()}, ()),
        ("yarn", YARN, ("yarn.lock",)),
        ("pnpm install", PNPM, ("pnpm-lock.yaml",)),
    ],
)
def test_a_lock_that_may_change(command: str, project: Project, rewrites: tuple[str, ...]) -> None:
    assert found(command, project).rewrites == rewrites


@pytest.mark.parametrize(("command", "project"), COMMANDS)
@pytest.mark.parametrize(
    "script", ["preinstall", "install", "postinstall", "prepublish", "prepare", "postprepare", "dependencies"]
)
def test_a_lifecycle_script_may_read_sources(command: str, project: Project, script: str) -> None:
    texts = {**project, "package.json": package(scripts={script: "node build.js", "test": "node test.js"})}
    if command.startswith("pnpm"):
        assert found(command, texts).prefetch == (("pnpm", "fetch"),)
    else:
        assert f"the {script} script" in refused(command, texts)
    assert found(f"{command} --ignore-scripts", texts).prefetch == ()
    assert found(command, {**texts, ".npmrc": "ignore-scripts = true"}).prefetch == ()


@pytest.mark.parametrize(
    ("script", "extra", "files"),
    [
        ("husky install", {}, 2),
        ("husky || true", {}, 2),
        ("is-ci || husky install", {}, 2),
        ("npx only-allow npm", {}, 2),
        ("patch-package", {"patches/x+1.0.0.patch": ""}, 3),
        ("husky install && patch-package", {"patches/x+1.0.0.patch": ""}, 3),
        ("", {}, 2),
    ],
)
def test_scripts_that_read_no_sources(script: str, extra: Project, files: int) -> None:
    texts = {**NPM, **extra, "package.json": package(scripts={"prepare": script})}
    assert len(found("npm ci", texts).files) == files


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({".git/HEAD": "", "package.json": package(scripts={"prepare": "husky install"})}, "prepare"),
        ({"package.json": package(scripts={"postinstall": "husky && tsc"})}, "postinstall"),
        ({"package.json": package(scripts={"postinstall": "echo $(cat src/x)"})}, "postinstall"),
        ({"binding.gyp": ""}, "binding.gyp"),
        ({"node_modules/x/package.json": "{}"}, "writes node_modules"),
        ({"package.json": package(dependencies={"me": "file:."})}, "the project itself"),
        ({"package.json": package(dependencies={"up": "file:../up"})}, "../up"),
        ({"package.json": package(dependencies={"b": "./gone"})}, "gone"),
        ({"package.json": "{"}, "not valid JSON"),
        ({"package.json": "[]"}, "JSON object"),
        ({".npmrc": "onload-script=./x.js"}, "onload-script"),
        ({".npmrc": "prefix=./x"}, "prefix"),
        ({"package.json": package(workspaces=["../x/*"])}, "leaves the project"),
        ({"package.json": package(workspaces=["{a,b}/*"])}, "{a,b}"),
        (
            {
                "package.json": package(workspaces=["p/*"]),
                "p/b/package.json": package(scripts={"prepare": "tsc"}),
            },
            "p/b/package.json",
        ),
        (
            {
                "package.json": package(workspaces=["p/*"]),
                "p/b/package.json": package(directories={"bin": "x"}),
            },
            "directory x",
        ),
        (
            {
                "package.json": package(workspaces=["p/*"]),
                "p/b/package.json": package(),
                "p/b/node_modules/x/i.js": "",
            },
            "writes p/b/node_modules",
        ),
    ],
)
def test_what_reads_sources_is_refused(texts: Project, reason: str) -> None:
    assert reason in refused("npm ci", {**NPM, **texts})


@pytest.mark.parametrize("command", ["npm ci", "npm install lodash", "npm i ./x", "npm install -g .", "npm ci --zz"])
def test_commands_that_are_refused(command: str) -> None:
    refused(command, {"package.json": package()})


@pytest.mark.parametrize("command", ["npm install -g npm@10 pm2 @x/y@^2", "npm i --location=global serve"])
def test_global_packages_read_nothing(command: str) -> None:
    assert found(command, NPM).files == ()


WORKSPACE = {
    "packages/b/package.json": package(bin={"b": "cli.js"}, dependencies={"c": "workspace:*"}),
    "packages/b/cli.js": "",
    "packages/b/index.js": "",
    "packages/c/package.json": package(bin="./gone.js"),
    "packages/old/package.json": package(),
    "other/package.json": package(),
}
MEMBERS = ("packages/b/cli.js", "packages/b/package.json", "packages/c/package.json")


@pytest.mark.parametrize(
    ("command", "texts", "own"),
    [
        ("npm ci", {**NPM, "package.json": package(workspaces=["packages/*", "!packages/old"])}, 2),
        ("yarn", {**YARN, "package.json": package(workspaces={"packages": ["packages/b", "packages/c"]})}, 2),
        ("pnpm i", {**PNPM, "pnpm-workspace.yaml": "packages:\n - 'packages/**'\n - '!packages/old'\n"}, 3),
    ],
)
def test_workspace_members_and_their_programs(command: str, texts: Project, own: int) -> None:
    answer = found(command, {**texts, **WORKSPACE})
    assert [path for path in answer.files if path.startswith("packages/")] == list(MEMBERS)
    assert len(answer.files) == len(MEMBERS) + own
    assert "packages/b/node_modules" in answer.outputs


@pytest.mark.parametrize(
    ("command", "texts", "files"),
    [
        ("npm ci", {**NPM, ".npmrc": "//x/:_authToken=${T}\ncafile=ca.pem", "ca.pem": ""}, {".npmrc", "ca.pem"}),
        (
            "npm ci",
            {**NPM, "package.json": package(dependencies={"b": "file:b", "t": "file:t.tgz"}), "t.tgz": "",
             "b/package.json": package(dependencies={"c": "file:../c"}), "b/b.js": "", "c/package.json": package()},
            {"b/", "c/", "t.tgz"},
        ),
        (
            "npm ci",
            {"package.json": package(dependencies={"b": "file:b"}), "b/package.json": package(), "b/b.js": "",
             "package-lock.json": '{"packages": {"node_modules/b": {"resolved": "b", "link": true}}}'},
            {"b/package.json"},
        ),
        (
            "yarn",
            {**YARN, "package.json": package(dependencies={"b": "file:./b"}), "b/package.json": package()},
            {"b/"},
        ),
        (
            "yarn",
            {**YARN, "package.json": package(dependencies={"b": "link:./b"}), "b/b.js": ""},
            set(),
        ),
        (
            "yarn",
            {**YARN, ".yarnrc": 'yarn-path ".yarn/releases/y.js"\nyarn-offline-mirror "./mirror"\n',
             ".yarn/releases/y.js": "", "mirror/x.tgz": ""},
            {".yarnrc", ".yarn/releases/y.js", "mirror/"},
        ),
        (
            "yarn --immutable",
            {**YARN, ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.js\nnodeLinker: node-modules\n",
             ".yarn/releases/yarn-4.js": "", ".yarn/plugins/p.cjs": "", ".yarn/cache/x.zip": "", ".yarn/sdks/x": "",
             "package.json": package(resolutions={"x": "patch:x@npm%3A1#~/.yarn/patches/x.patch"}),
             ".yarn/patches/x.patch": ""},
            {".yarnrc.yml", ".yarn/releases/", ".yarn/plugins/", ".yarn/cache/", ".yarn/patches/"},
        ),
        (
            "pnpm i --frozen-lockfile",
            {**PNPM, "package.json": package(pnpm={"patchedDependencies": {"x@1": "patches/x.patch"}}),
             "patches/x.patch": "", ".pnpmfile.cjs": "module.exports = {hooks: {}}", ".npmrc": "node-linker=hoisted"},
            {"patches/x.patch", ".pnpmfile.cjs", ".npmrc"},
        ),
        (
            "pnpm i",
            {**PNPM, "pnpm-workspace.yaml": "patchedDependencies:\n  x: fixes/x.patch\n", "fixes/x.patch": ""},
            {"pnpm-workspace.yaml", "fixes/x.patch"},
        ),
        ("npm --prefix web ci", {f"web/{path}": text for path, text in NPM.items()}, set()),
        ("npm ci -C web", {f"web/{path}": text for path, text in NPM.items()}, set()),
        ("yarn --cwd web install", {f"web/{path}": text for path, text in YARN.items()}, set()),
    ],
)  # fmt: skip
def test_what_else_is_read(command: str, texts: Project, files: set[str]) -> None:
    own = {"package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"}
    answer = found(command, texts)
    assert {path for path in answer.files if path.removeprefix("web/") not in own} == files
    assert not any(path.endswith("index.js") for path in answer.files)


def test_a_member_of_a_workspace_above_is_refused() -> None:
    texts = {f"web/{path}": text for path, text in NPM.items()} | {"package.json": package(workspaces=["web"])}
    assert "../package.json" in refused("npm ci", texts, "/app/web")
    assert found("npm ci", {**texts, "package.json": package()}, "/app/web").files


@pytest.mark.parametrize(
    "texts",
    [
        {".pnpmfile.cjs": "require('./hooks')"},
        {"package.json": package(dependencies={"me": "file:."})},
        {"package.json": package(dependenciesMeta={"b": {"injected": True}})},
        {"pnpm-workspace.yaml": "allowBuilds: {}", "sub/package.json": "{}"},
    ],
)
def test_pnpm_falls_back_to_fetch_or_refuses(texts: Project) -> None:
    if ".pnpmfile.cjs" in texts:
        assert "other files" in refused("pnpm install", {**PNPM, **texts})
        return
    assert found("pnpm i --prod", {**PNPM, **texts}).prefetch == (("pnpm", "fetch", "--prod"),)
    assert "package.json" not in found("pnpm i", {**PNPM, **texts}).files


def test_pnpm_fetch_reads_the_lock_alone() -> None:
    answer = found("pnpm fetch", PNPM)
    assert (answer.files, answer.prefetch) == (("pnpm-lock.yaml",), ())
    pinned = {**PNPM, "package.json": package(packageManager="pnpm@9.1.0")}
    assert found("pnpm fetch", pinned).files == ("package.json", "pnpm-lock.yaml")


PRISMA = {
    **NPM,
    "package.json": package(dependencies={"@prisma/client": "^5"}),
    "prisma/schema.prisma": 'generator client {\n provider = "prisma-client-js"\n}\n',
}


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({**PRISMA, "db/schema.prisma": ""}, "@prisma/client"),
        ({**PRISMA, "prisma.config.ts": ""}, "@prisma/client"),
        ({**PRISMA, "prisma/schema.prisma": 'output = "../src/db"'}, "@prisma/client"),
        ({**PRISMA, "package.json": package(dependencies={"@prisma/client": "5"}, prisma={})}, "@prisma/client"),
        ({**NPM, "package.json": package(devDependencies={"nx": "20"}), "nx.json": "{}"}, "nx"),
        ({**NPM, "package.json": package(msw={"workerDirectory": "public"}, dependencies={"msw": "2"})}, "msw"),
        ({**NPM, "package-lock.json": '{"node_modules/lefthook": {}}', ".git/HEAD": ""}, "lefthook"),
        ({**NPM, "package-lock.json": '{"node_modules/puppeteer": {}}', ".puppeteerrc.cjs": ""}, "puppeteer"),
    ],
)
def test_packages_that_look_at_the_project_when_installed(texts: Project, reason: str) -> None:
    assert reason in refused("npm ci", texts)
    assert found("npm ci --ignore-scripts", texts)


def test_the_schema_of_prisma_comes_along() -> None:
    assert found("npm ci", PRISMA).files == ("package-lock.json", "package.json", "prisma/")
    lock = {**PNPM, "pnpm-lock.yaml": "packages:\n  '@prisma/client@5.0.0':\n", "prisma/schema.prisma": ""}
    assert "prisma/" in found("pnpm fetch", lock).files


def test_node_options_may_load_code() -> None:
    assert "NODE_OPTIONS" in refused("npm ci", NPM, "/app", NODE_OPTIONS="--require ./hook.js")
    assert found("npm ci", NPM, "/app", NODE_OPTIONS="--max-old-space-size=4096", NPM_CONFIG_LOGLEVEL="warn")
    assert "NPM_CONFIG_SCRIPT_SHELL" in refused("npm ci", NPM, "/app", NPM_CONFIG_SCRIPT_SHELL="./x")


@pytest.mark.parametrize(
    ("command", "first"), [("npm ci", "package.json"), ("yarn", "package.json"), ("pnpm i", "package.json"),
                           ("pnpm fetch", "pnpm-lock.yaml"), ("npm --prefix web i", "web/package.json")]
)  # fmt: skip
def test_without_a_context(command: str, first: str) -> None:
    answer = found(command, None)
    assert (answer.files[0], answer.proved) == (first, False)
    assert all(path.endswith(("*", "package.json", "pnpm-lock.yaml")) for path in answer.files)


@pytest.mark.parametrize(
    "command",
    [
        "npm run build",
        "npm cache clean --force",
        "yarn build",
        "yarn cache clean",
        "yarn --version",
        "pnpm -r build",
    ],
)
def test_other_commands_are_not_known(command: str) -> None:
    assert ask(command, NPM) is None


def test_a_package_that_a_script_makes_stays_behind() -> None:
    texts = {**YARN, "package.json": package(dependencies={"x": "exec:./gen.js"}), "gen.js": ""}
    assert "exec:./gen.js" in refused("yarn install", texts)


def test_what_the_settings_of_yarn_name_is_copied_first() -> None:
    settings = """injectEnvironmentFiles: [.env, ".more?"]
networkSettings: {"*.example": {httpsCertFilePath: certs/a.pem}}
"""
    texts = {**YARN, "package.json": package(), ".yarnrc.yml": settings, ".env": "", "certs/a.pem": ""}
    assert {".env", "certs/a.pem"} <= set(found("yarn install", texts).files)


def test_what_the_workspace_of_pnpm_overrides_is_followed() -> None:
    workspace = "packages: [.]\noverrides:\n  x: file:vendor/x\n"
    texts = {**PNPM, "pnpm-workspace.yaml": workspace, "vendor/x/package.json": package(), "vendor/x/x.js": ""}
    assert "vendor/x/" in found("pnpm install --frozen-lockfile", texts).files


def test_archives_of_the_project_are_there_for_pnpm_fetch() -> None:
    lock = "packages:\n  x@file:vendor/x.tgz:\n    resolution: {integrity: sha512-a, tarball: file:vendor/x.tgz}\n"
    texts = {**PNPM, "pnpm-lock.yaml": lock, "vendor/x.tgz": ""}
    assert "vendor/x.tgz" in found("pnpm fetch", texts).files


def test_hooks_are_also_written_into_the_repository_above() -> None:
    texts = {
        "web/package.json": package(devDependencies={"lefthook": "^1"}),
        "web/package-lock.json": "{}",
        ".git/HEAD": "",
    }
    assert "lefthook" in refused("npm ci", texts, workdir="/app/web")
