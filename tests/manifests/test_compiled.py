"""Go, Cargo, Maven, Gradle and .NET."""

from __future__ import annotations

import pytest

from tests.manifests.memory import Project, ask, found, refused

GO = {"go.mod": "module a\n\ngo 1.22\n\nrequire x.example/x v1.0.0\n", "go.sum": "x", "main.go": ""}
CARGO = {"Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\n', "Cargo.lock": "", "src/main.rs": ""}
POM = "<project><groupId>g</groupId><artifactId>a</artifactId>{}</project>"
MAVEN = {"pom.xml": POM.format(""), "src/main/java/A.java": ""}
GRADLE = {
    "build.gradle": "plugins { id 'java' }\ndependencies { implementation 'g:a:1' }\n",
    "src/A.java": "",
}
DOTNET = {"App.csproj": '<Project Sdk="Microsoft.NET.Sdk"></Project>', "Program.cs": ""}


def project(content: str) -> str:
    return f'<Project Sdk="Microsoft.NET.Sdk">{content}</Project>'


@pytest.mark.parametrize(
    ("command", "texts", "files"),
    [
        ("go mod download", GO, 2),
        ("go mod download -x", GO, 2),
        ("go mod download all", {"go.mod": "module a\ngo 1.21\n"}, 1),
        ("mvn -B dependency:go-offline", MAVEN, 1),
        ("mvn dependency:resolve dependency:resolve-plugins -Pprod", MAVEN, 1),
        ("gradle dependencies --no-daemon", GRADLE, 1),
        ("dotnet restore", DOTNET, 1),
        ("dotnet restore App.csproj -r linux-x64 --source https://x.example/v3/index.json", DOTNET, 1),
        ("dotnet restore ./App.csproj /p:Configuration=Release", DOTNET, 1),
    ],
)
def test_commands_that_read_manifests_alone_move(command: str, texts: Project, files: int) -> None:
    answer = found(command, texts)
    assert len(answer.files) == files
    assert (answer.prefetch, answer.rewrites, answer.same_image, answer.proved) == ((), (), True, True)


@pytest.mark.parametrize(
    ("command", "texts", "prefetch"),
    [
        ("go build -o /app ./...", GO, "go mod download"),
        ("go install -v -ldflags '-X main.v=1' .", GO, "go mod download"),
        ("/usr/local/go/bin/go test --race ./...", GO, "/usr/local/go/bin/go mod download"),
        ("go mod tidy", GO, "go mod download"),
        (
            "cargo build --release --locked",
            CARGO,
            "mkdir -p src && touch src/main.rs && cargo fetch --locked",
        ),
        ("cargo +nightly test", CARGO, "mkdir -p src && touch src/main.rs && cargo +nightly fetch"),
        (
            "cargo install --path . --locked",
            CARGO,
            "mkdir -p src && touch src/main.rs && cargo fetch --locked",
        ),
        ("mvn clean package -DskipTests -B", MAVEN, "mvn -DskipTests -B dependency:go-offline"),
        (
            "mvn -s settings.xml install -T 4",
            {**MAVEN, "settings.xml": ""},
            "mvn -s settings.xml dependency:go-offline",
        ),
        ("gradle build -x test --no-daemon -Pv=1", GRADLE, "gradle --no-daemon -Pv=1 dependencies"),
        ("dotnet publish -c Release -o out", DOTNET, "dotnet restore"),
        (
            "dotnet build App.csproj -r linux-x64 --self-contained true",
            DOTNET,
            "dotnet restore App.csproj -r linux-x64",
        ),
    ],
)
def test_builds_are_prepared(command: str, texts: Project, prefetch: str) -> None:
    answer = found(command, texts)
    assert " && ".join(" ".join(words) for words in answer.prefetch) == prefetch
    assert not answer.same_image
    assert not any(path.endswith((".go", ".rs", ".java", ".cs")) for path in answer.files)


@pytest.mark.parametrize(
    ("command", "texts", "files"),
    [
        (
            "go mod download",
            {
                **GO,
                "go.mod": "module a\ngo 1.22\nreplace x => ./lib/x\n",
                "lib/x/go.mod": "",
                "lib/x/x.go": "",
            },
            {"lib/x/go.mod"},
        ),
        (
            "go mod download",
            {
                **GO,
                "go.mod": "module a\ngo 1.22\nreplace (\n x v1 => ./x // local\n y => z.example/y v2\n)\n",
                "x/go.mod": "",
            },
            {"x/go.mod"},
        ),
        (
            "go build ./cmd",
            {
                "go.work": "go 1.22\nuse (\n ./b\n .\n)\n",
                "go.mod": "module a",
                "b/go.mod": "module b",
                "b/go.sum": "",
            },
            {"go.work", "b/go.mod", "b/go.sum"},
        ),
        (
            "cargo build",
            {
                "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\nexclude = ["crates/old"]\n'
                '[workspace.dependencies]\nz = { path = "vendored/z" }',
                "crates/b/Cargo.toml": '[package]\nname = "b"\n[dependencies]\nc = { path = "../c" }',
                "crates/b/src/lib.rs": "",
                "crates/c/Cargo.toml": '[package]\nname = "c"\n[[bench]]\nname = "fast"',
                "crates/c/src/lib.rs": "",
                "crates/c/benches/fast.rs": "",
                "crates/old/Cargo.toml": "",
                "vendored/z/Cargo.toml": '[package]\nname = "z"',
                "vendored/z/src/lib.rs": "",
                ".cargo/config.toml": "[net]\nretry = 3",
                "rust-toolchain.toml": "",
            },
            {
                "crates/b/Cargo.toml",
                "crates/c/Cargo.toml",
                "vendored/z/Cargo.toml",
                ".cargo/config.toml",
                "rust-toolchain.toml",
            },
        ),
        (
            "./mvnw package",
            {**MAVEN, "mvnw": "", ".mvn/wrapper/maven-wrapper.properties": ""},
            {"mvnw", ".mvn/"},
        ),
        (
            "mvn package",
            {
                "pom.xml": POM.format("<modules><module>b</module><module>c/pom.xml</module></modules>"),
                "b/pom.xml": "<project xmlns='x'><parent><artifactId>a</artifactId></parent>"
                "<artifactId>b</artifactId></project>",
                "c/pom.xml": "<project><artifactId>c</artifactId></project>",
            },
            {"b/pom.xml", "c/pom.xml"},
        ),
        (
            "mvn -f web/pom.xml package",
            {
                "web/pom.xml": "<project><parent><relativePath>../parent</relativePath></parent></project>",
                "parent/pom.xml": POM.format(""),
            },
            {"web/pom.xml", "parent/pom.xml"},
        ),
        (
            "./gradlew bootJar",
            {
                **GRADLE,
                "settings.gradle.kts": 'rootProject.name = "a"\ninclude(":app", "lib:core") // include("no")',
                "app/build.gradle.kts": 'plugins { java }\napply(from = "x.gradle")',
                "x.gradle": "",
                "lib/core/build.gradle": "",
                "gradle.properties": "",
                "gradlew": "",
                "gradle/wrapper/gradle-wrapper.jar": "",
                "gradle/wrapper/gradle-wrapper.properties": "",
                "gradle/libs.versions.toml": "",
                "buildSrc/src/main/java/B.java": "",
            },
            {
                "settings.gradle.kts",
                "app/build.gradle.kts",
                "x.gradle",
                "lib/core/build.gradle",
                "gradle.properties",
                "gradlew",
                "gradle/",
                "buildSrc/",
            },
        ),
        (
            "dotnet restore src/App/App.csproj",
            {
                "src/App/App.csproj": project(
                    r'<ItemGroup><ProjectReference Include="..\Lib\Lib.csproj" /></ItemGroup>'
                    r'<Import Project="$(MSBuildThisFileDirectory)..\shared.props" />'
                ),
                "src/Lib/Lib.csproj": project(""),
                "src/Lib/packages.lock.json": "",
                "src/shared.props": "<Project></Project>",
                "Directory.Build.props": "<Project></Project>",
                "src/Directory.Packages.props": "<Project></Project>",
                "nuget.config": '<configuration><packageSources><clear/><add key="n" value="https://x/v3" />'
                '<add key="l" value=".\\feed" /></packageSources></configuration>',
                "feed/x.nupkg": "",
                "global.json": "{}",
                "src/App/Program.cs": "",
            },
            {
                "src/App/App.csproj",
                "src/Lib/Lib.csproj",
                "src/Lib/packages.lock.json",
                "src/shared.props",
                "Directory.Build.props",
                "src/Directory.Packages.props",
                "nuget.config",
                "feed/",
                "global.json",
            },
        ),
        (
            "dotnet publish",
            {
                "All.sln": 'Project("{F}") = "App", "src\\App.csproj", "{1}"\nEndProject\n'
                'Project("{2}") = "folder", "folder", "{3}"\nEndProject\n',
                "src/App.csproj": project(""),
            },
            {"All.sln", "src/App.csproj"},
        ),
    ],
)
def test_what_else_is_read(command: str, texts: Project, files: set[str]) -> None:
    own = {"go.mod", "go.sum", "Cargo.toml", "Cargo.lock", "pom.xml", "build.gradle"}
    assert set(found(command, texts).files) - own == files


def test_targets_that_cargo_asks_for_are_stood_in_for() -> None:
    texts = {
        "Cargo.toml": '[package]\nname = "a"\ndefault-run = "tool"\n[[example]]\nname = "e"\n[[bin]]\nname = "t"\n'
        'path = "x.rs"',
        "src/lib.rs": "",
        "src/bin/tool.rs": "",
        "examples/e/main.rs": "",
    }
    assert found("cargo build", texts).prefetch == (
        ("mkdir", "-p", "examples/e", "src", "src/bin"),
        ("touch", "src/lib.rs", "examples/e/main.rs", "src/bin/tool.rs"),
        ("cargo", "fetch"),
    )


@pytest.mark.parametrize(
    ("command", "texts", "reason"),
    [
        ("go mod download", {"main.go": ""}, "go.mod"),
        ("go mod download", {**GO, "go.mod": "replace x => ../x"}, "../x/go.mod"),
        ("go mod download x.example/x@v1", GO, "go.sum"),
        ("go build", {**GO, "vendor/modules.txt": ""}, "vendor/"),
        ("go build -mod=vendor", GO, "vendor"),
        ("go build -modfile x.mod", GO, "-modfile"),
        ("go build -strange x", GO, "-strange"),
        ("go get x.example/y@latest", GO, "changes go.mod"),
        ("cargo build", {"src/main.rs": ""}, "Cargo.toml"),
        ("cargo build", {**CARGO, "Cargo.toml": '[dependencies]\nb = { path = "../b" }'}, "../b/Cargo.toml"),
        ("cargo build", {"Cargo.toml": '[package]\nname = "a"'}, "no target"),
        ("cargo build", {**CARGO, "Cargo.toml": '[package]\n[[bench]]\nname = "b"'}, "target b"),
        ("cargo build", {**CARGO, ".cargo/config.toml": '[source.vendored]\ndirectory = "vendor"'}, "source"),
        ("cargo build --offline", CARGO, "--offline"),
        ("cargo install --path .", CARGO, "without --locked"),
        ("mvn package", {"src/A.java": ""}, "pom.xml"),
        ("mvn package -o", MAVEN, "--offline"),
        ("mvn package --strange", MAVEN, "--strange"),
        ("mvn package", {"pom.xml": POM.format("<modules><module>b</module></modules>")}, "b"),
        ("mvn package", {"pom.xml": POM.format("<modules><module>${x}</module></modules>")}, "property"),
        ("mvn package", {"pom.xml": "<!DOCTYPE x [<!ENTITY y 'z'>]><project/>"}, "document type"),
        ("mvn package", {"pom.xml": "<project>"}, "not valid XML"),
        (
            "mvn package",
            {
                "pom.xml": POM.format(
                    "<repositories><repository><url>file://${basedir}/r</url></repository></repositories>"
                )
            },
            "file://${basedir}/r",
        ),
        (
            "mvn package",
            {
                "pom.xml": POM.format("<modules><module>b</module><module>c</module></modules>"),
                "b/pom.xml": "<project><groupId>g</groupId><artifactId>b</artifactId></project>",
                "c/pom.xml": "<project><artifactId>c</artifactId><dependencies><dependency><groupId>g</groupId>"
                "<artifactId>b</artifactId></dependency></dependencies></project>",
            },
            "needs b",
        ),
        ("./mvnw package", {**MAVEN, "mvnw": ""}, ".mvn/wrapper"),
        ("gradle build", {"build.gradle": "version = file('VERSION').text"}, "file"),
        ("gradle build", {"build.gradle": "def v = new File('x')"}, "File"),
        (
            "gradle build",
            {"build.gradle": "dependencies { implementation fileTree(dir: 'libs') }"},
            "fileTree",
        ),
        ("gradle build", {"build.gradle": "apply from: path"}, "applies a script"),
        ("gradle build", {"build.gradle": 'plugins { id "com.palantir.git-version" }'}, "git-version"),
        ("gradle build", {**GRADLE, "settings.gradle": "include names"}, "includes"),
        ("gradle build", {**GRADLE, "settings.gradle": "project(':x').projectDir = file('y')"}, "projectDir"),
        ("gradle build --offline", GRADLE, "--offline"),
        ("./gradlew build", {**GRADLE, "gradlew": ""}, "gradle-wrapper"),
        ("gradle build", {**GRADLE, ".gradle/x": ""}, "writes .gradle"),
        ("dotnet restore", {"A.csproj": "", "B.csproj": ""}, "2 project files"),
        (
            "dotnet restore",
            {"App.csproj": project('<ProjectReference Include="$(X)/a.csproj" />')},
            "computes",
        ),
        (
            "dotnet restore",
            {"App.csproj": project('<ProjectReference Include="gone.csproj" />')},
            "gone.csproj",
        ),
        (
            "dotnet restore",
            {"App.csproj": project("<V>$([System.IO.File]::ReadAllText('v'))</V>")},
            "computes",
        ),
        ("dotnet restore", {"App.csproj": project("<V Condition=\"Exists('v')\">1</V>")}, "exists"),
        ("dotnet restore", {**DOTNET, "obj/project.assets.json": ""}, "writes obj"),
        ("dotnet publish --strange", DOTNET, "--strange"),
    ],
)
def test_what_cannot_be_known_is_refused(command: str, texts: Project, reason: str) -> None:
    assert reason in refused(command, texts)


@pytest.mark.parametrize(
    ("command", "texts"),
    [
        ("go build", {**{f"x/{path}": text for path, text in GO.items()}, "go.work": "use ./x"}),
        ("cargo build", {**{f"x/{path}": text for path, text in CARGO.items()}, "Cargo.toml": "[workspace]"}),
        ("gradle build", {**{f"x/{path}": text for path, text in GRADLE.items()}, "settings.gradle": ""}),
    ],
)
def test_a_project_above_is_refused(command: str, texts: Project) -> None:
    assert "looks upwards" in refused(command, texts, "/app/x")


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"GO111MODULE": "off"}, "GO111MODULE"),
        ({"GOFLAGS": "-mod=vendor"}, "GOFLAGS"),
        ({"GOFLAGS": None}, "GOFLAGS"),
        ({"GOWORK": "/x/go.work"}, "GOWORK"),
        ({"GOPATH": "/app/gopath"}, "gopath"),
    ],
)
def test_go_settings(environment: dict[str, str | None], reason: str) -> None:
    assert reason in refused("go build", {**GO, "gopath/pkg/mod/x": ""}, "/app", **environment)


def test_an_old_go_may_complete_go_sum() -> None:
    assert found("go mod download", {**GO, "go.mod": "module a\n\ngo 1.14\n"}).rewrites == ("go.sum",)


@pytest.mark.parametrize("command", ["go install x.example/tool@latest", "cargo install ripgrep --locked"])
def test_tools_by_name_read_nothing(command: str) -> None:
    assert found(command, {**GO, **CARGO}).files == ()


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("go mod download", ("go.mod", "go.sum*")),
        ("go build ./...", ("go.mod", "go.sum*")),
    ],
)
def test_without_a_context(command: str, files: tuple[str, ...]) -> None:
    answer = found(command, None)
    assert (answer.files, answer.proved) == (files, False)


@pytest.mark.parametrize("command", ["cargo build", "gradle build", "dotnet restore", "mvn package", "./mvnw package"])
def test_nothing_is_suggested_where_the_text_shows_too_little(command: str) -> None:
    assert "no build context" in refused(command, None)


@pytest.mark.parametrize(
    "command",
    ["go version", "go env", "go mod init a", "cargo clean", "mvn --version", "mvn clean", "gradle --version",
     "gradle wrapper", "dotnet test --no-build", "dotnet publish --no-restore", "dotnet nuget locals all --clear"],
)  # fmt: skip
def test_other_commands_are_not_known(command: str) -> None:
    assert ask(command, {**GO, **CARGO, **MAVEN, **GRADLE, **DOTNET}) is None
