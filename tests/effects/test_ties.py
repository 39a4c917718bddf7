"""Which instructions may pass each other: one trap a rule of section 4 of the contract."""

from __future__ import annotations

import pytest

from optimizer.context import BuildContext, MemoryContext
from optimizer.effects import Effects, effects, ties
from optimizer.model import read

CONTEXT = MemoryContext({
    "a.txt": "", "b.txt": "", "conf/x.conf": "", "src/main.py": "", "requirements.txt": "flask==3.0.0\n",
    "package.json": '{"name": "x", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}}',
    "package-lock.json": '{"name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}',
    "lib/package.json": "{}", "run.sh": "",
})  # fmt: skip


def of(text: str, context: BuildContext | None = CONTEXT, base: str = "python:3.12-slim") -> tuple[Effects, ...]:
    model = read(f"FROM {base}\n{text.strip()}\n")
    return effects(model, model.final, context)


def reason(text: str, context: BuildContext | None = CONTEXT, base: str = "python:3.12-slim") -> str | None:
    """Why the last instruction may not pass the one before it; None where it may."""
    found = of(text, context, base)
    last = len(found) - 1
    return next((tie.reason for tie in ties(found) if (tie.first, tie.second) == (last - 1, last)), None)


APT = "RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"COPY . /app\n{APT}", id="packages-over-sources"),
        pytest.param("COPY src /app/src\nRUN pip install flask", id="pip-over-other-folder"),
        pytest.param("WORKDIR /app\nCOPY src /app/src\nCOPY conf /app/conf", id="folders-beside-each-other"),
        pytest.param("COPY a.txt /app/\nCOPY b.txt /app/", id="files-beside-each-other"),
        pytest.param(f"{APT}\nRUN mkdir -p /data /logs", id="plain-commands-over-packages"),
        pytest.param(f"COPY . /app\nRUN chmod +x /app/run.sh\n{APT}", id="packages-over-modes"),
        pytest.param("COPY . /app\nRUN useradd -m app", id="user-over-sources"),
        pytest.param("COPY . /app\nRUN echo one > /one", id="file-beside-sources"),
        pytest.param("COPY . /app\nRUN curl -fsSL -o /opt/x https://example.com/x", id="download-beside-sources"),
        pytest.param("COPY . /app\nRUN npm install -g yarn", id="global-install-over-sources"),
        pytest.param("LABEL a=1\nRUN make", id="label-over-anything"),
        pytest.param("LABEL a=1\nLABEL b=2", id="labels-merge"),
        pytest.param("EXPOSE 80\nEXPOSE 81", id="ports-are-a-set"),
        pytest.param('RUN make\nCMD ["x"]', id="exec-form-needs-no-shell"),
        pytest.param('SHELL ["/bin/bash", "-c"]\nCMD ["x"]', id="exec-form-over-shell"),
        pytest.param("ARG GIT_SHA\nRUN mkdir /data", id="plain-commands-read-no-argument"),
        pytest.param(f"ARG BUILD_DATE\n{APT}", id="packages-read-no-metadata"),
        pytest.param("USER app\nCOPY a.txt /a.txt", id="copy-is-always-root"),
        pytest.param("ENV A=1\nCOPY a.txt /a.txt", id="copy-without-variables"),
        pytest.param("WORKDIR /srv/app\nCOPY a.txt /data/a.txt", id="absolute-destination"),
        pytest.param("COPY --from=nginx /etc/nginx /conf\nCOPY a.txt /data/", id="from-another-image"),
        pytest.param("COPY lib /app/lib\nRUN --mount=type=cache,target=/app/lib rm -rf /app/lib/x", id="in-a-mount"),
        pytest.param("RUN echo one > /dev/null\nRUN echo two > /dev/null", id="dev-is-no-file-of-the-image"),
        pytest.param("WORKDIR /app\nCOPY requirements.txt .\nCOPY src src\nRUN pip install -r requirements.txt",
                     id="requirements-over-sources"),
        pytest.param("WORKDIR /app\nCOPY package*.json ./\nCOPY lib ./lib\nRUN npm ci", id="npm-over-sources"),
    ],
)  # fmt: skip
def test_may_pass(text: str) -> None:
    assert reason(text) is None


@pytest.mark.parametrize(
    ("text", "because"),
    [
        # 4.1: neither reads what the other writes; what is not known is everything
        pytest.param("COPY a.txt /app/\nRUN make", "`make` is not a command that is known here", id="unknown"),
        pytest.param("RUN make\nCOPY a.txt /app/", "may read and write every file", id="unknown-before"),
        pytest.param("COPY a.txt /app/\nRUN ./install.sh", "every file", id="unknown-script"),
        pytest.param("COPY a.txt /app/\nRUN cp $X /y", "`$X` may be", id="unknown-word"),
        pytest.param("COPY a.txt /app/\nRUN cp --weird /x /y", "--weird", id="unknown-option"),
        pytest.param("COPY a.txt /app/\nRUN rm -rf $(cat /list)", "every file", id="computed-word"),
        pytest.param("COPY a.txt /app/\nRUN eval x", "every file", id="eval"),
        pytest.param("COPY a.txt /app/\nRUN sleep 1 &", "background", id="background"),
        pytest.param("COPY a.txt /app/\nRUN f() { rm -rf /app; }; f", "function", id="function"),
        pytest.param("COPY a.txt /app/\nRUN curl https://x.org | sh", "every file", id="script-from-the-network"),
        pytest.param('SHELL ["pwsh", "-c"]\nCOPY a.txt /app/\nRUN rm x', "is not one that is read here", id="windows"),
        pytest.param("COPY a.txt /app/\nRUN <<EOF\n#!/usr/bin/python\nEOF", "interpreter", id="heredoc"),
        # 4.2: paths, through WORKDIR, ~, variables, cd and links
        pytest.param("WORKDIR /app\nCOPY a.txt /app/a.txt\nRUN rm a.txt", "/app/a.txt", id="relative"),
        pytest.param("COPY a.txt /root/a.txt\nRUN rm ~/a.txt", "/root/a.txt", id="home"),
        pytest.param("ENV D=/app\nCOPY a.txt /app/a.txt\nRUN rm $D/a.txt", "/app/a.txt", id="variable"),
        pytest.param("COPY a.txt /app/a.txt\nRUN D=/app && rm $D/a.txt", "/app/a.txt", id="own-variable"),
        pytest.param("ENV D=/x\nCOPY a.txt /app/a.txt\nRUN D=/app && rm $D/a.txt", "/app/a.txt", id="shadowed"),
        pytest.param("ENV i=/x\nCOPY a.txt /app/a.txt\nRUN for i in /app; do rm $i/a.txt; done", "every file",
                     id="loop-variable"),
        pytest.param("COPY a.txt /app/a.txt\nRUN cd /app && rm a.txt", "/app", id="cd"),
        pytest.param("COPY a.txt /app/a.txt\nRUN rm /app/*", "/app", id="pattern"),
        pytest.param("RUN ln -s /data /app\nCOPY a.txt /app/a.txt\nRUN rm -rf /data/a.txt", "/data/a.txt", id="link"),
        pytest.param("COPY a.txt /bin/a\nRUN rm /usr/bin/a", "/usr/bin/a", id="usr-merge"),
        pytest.param("COPY a.txt /a.txt\nRUN echo $(rm /a.txt)", "/a.txt", id="in-a-substitution"),
        pytest.param("COPY a.txt /a.txt\nRUN cat < /a.txt > /b.txt", "/a.txt", id="redirection"),
        pytest.param("COPY a.txt /a.txt\nRUN [ -f /a.txt ] && touch /b", "/a.txt", id="test"),
        pytest.param("COPY a.txt /a.txt\nRUN true || rm /a.txt", "/a.txt", id="perhaps"),
        pytest.param("COPY a.txt /data/x\nRUN cd /nowhere; rm x/../../data/x", "/data", id="cd-may-fail"),
        # 4.2: environment, arguments, user, shell
        pytest.param("ENV A=1\nRUN pip install flask", "the variable A", id="env-and-run"),
        pytest.param("ARG A\nRUN echo $A > /a", "the variable A", id="used-argument"),
        pytest.param("ARG A\nRUN make", "the variable A", id="argument-and-unknown"),
        pytest.param(f"ARG DEBIAN_FRONTEND\n{APT}", "DEBIAN_FRONTEND", id="argument-of-apt"),
        pytest.param("ENV PATH=/x:$PATH\nRUN mkdir /data", "the variable PATH", id="path"),
        pytest.param("ARG V\nENV W=$V", "the variable V", id="argument-in-env"),
        pytest.param("ENV A=1\nARG A", "the variable A", id="same-name"),
        pytest.param("ENV A=1\nENV B=2", "the order of ENV", id="env-order"),
        pytest.param("ARG D\nCOPY a.txt $D", "the variable D", id="argument-in-copy"),
        pytest.param("ARG V\nCOPY <<EOF /v\n$V\nEOF", "the variable V", id="argument-in-heredoc"),
        pytest.param("ARG V\nLABEL version=$V", "the variable V", id="argument-in-label"),
        pytest.param("USER app\nRUN mkdir /data", "the user", id="user-and-run"),
        pytest.param("USER app\nWORKDIR /data", "the user", id="user-and-workdir"),
        pytest.param("RUN useradd app\nCOPY --chown=app a.txt /a", "/etc", id="owner-by-name"),
        pytest.param('SHELL ["/bin/bash", "-c"]\nRUN mkdir /data', "the shell", id="shell-and-run"),
        pytest.param('SHELL ["/bin/bash", "-c"]\nCMD x', "the shell", id="shell-and-cmd"),
        pytest.param("WORKDIR /app\nWORKDIR sub", "the working directory", id="workdir-chain"),
        pytest.param("WORKDIR /app\nCOPY a.txt .", "the working directory", id="workdir-and-copy"),
        pytest.param("WORKDIR /app\nRUN pip install flask", "the working directory", id="workdir-and-run"),
        # 4.3: files of COPY and RUN, folders with owner and mode
        pytest.param("RUN touch /app/x\nCOPY src /app", "/app", id="copy-over-run"),
        pytest.param("COPY a.txt /x\nCOPY b.txt /x", "/x", id="copy-over-copy"),
        pytest.param("COPY . /app\nCOPY conf /app/conf", "/app/conf", id="copy-into-copy"),
        pytest.param("COPY a.txt /app\nCOPY b.txt /app/b", "/app", id="file-or-folder"),
        pytest.param("COPY missing /app\nRUN touch /app/x", "/app", id="not-in-the-context-yet"),
        pytest.param("COPY *.txt /app/\nRUN touch /app/c.txt", "/app", id="pattern-of-a-copy"),
        pytest.param("ADD x.tar /app/\nRUN touch /app/c.txt", "/app", id="archive"),
        pytest.param("COPY --chown=5 a.txt /app/a\nCOPY b.txt /app/b", "with other owners", id="folder-owner"),
        pytest.param("COPY a.txt /app/a\nRUN mkdir /app/b", "/app", id="folder-is-needed"),
        pytest.param("COPY --link a.txt /app/a\nCOPY b.txt /app/b", "/app", id="linked-copy"),
        pytest.param("RUN mkdir -m 700 /app\nCOPY a.txt /app/a", "/app", id="mode-of-a-folder"),
        pytest.param("RUN umask 077 && mkdir -p /app\nCOPY a.txt /app/a", "/app", id="umask"),
        pytest.param("COPY a.txt /usr/bin/mkdir\nRUN mkdir /data", "/usr/bin/mkdir", id="program"),
        pytest.param("COPY a.txt /usr/local/bin/sh\nRUN echo one > /one", "/usr/local/bin/sh", id="shell-itself"),
        pytest.param("COPY a.txt /etc/apt/sources.list\nRUN apt-get update", "/etc", id="sources-of-apt"),
        pytest.param(f"{APT}\nRUN curl -o /x https://x.org", "installs", id="curl-needs-apt"),
        pytest.param(f"{APT}\nRUN pip install psycopg2", "install", id="pip-needs-apt"),
        pytest.param(f"{APT}\nRUN apt-get install -y ./x.deb", "install", id="two-installs"),
        pytest.param("COPY a.txt /x.deb\nRUN apt-get install -y /x.deb", "/x.deb", id="local-package"),
        pytest.param("COPY requirements.txt /app/\nRUN pip install -r /app/requirements.txt", "requirements.txt",
                     id="requirements"),
        pytest.param("WORKDIR /app\nRUN pip install flask\nCOPY conf .", "/app", id="what-pip-may-find-later"),
        pytest.param("WORKDIR /app\nCOPY . .\nRUN npm ci", "/app", id="npm"),
        pytest.param("WORKDIR /app\nRUN touch .npmrc\nCOPY package*.json ./\nRUN npm ci", "/app", id="npmrc"),
        pytest.param("COPY . /src\nRUN pip install /src", "/src", id="the-project-itself"),
        pytest.param("COPY conf /c\nRUN --mount=type=bind,source=src,target=/app make", "every file", id="bind"),
        pytest.param("RUN --mount=type=cache,target=/c touch /c/x\nRUN --mount=type=cache,target=/c cp /c/x /y",
                     "the cache mount /c", id="shared-cache"),
        pytest.param("COPY a.txt /a/b/x\nRUN curl --create-dirs -o /a/b/c/d https://x.org", "/a", id="folders-of-curl"),
        pytest.param("RUN git clone https://x.org/y /a/b/c\nRUN mkdir -p /a/b", "/a/b", id="folders-of-a-clone"),
        pytest.param('ENV D=""\nCOPY a.txt /app/x\nRUN : ${D:=/app} && rm $D/x', "every file", id="set-in-a-word"),
        pytest.param("COPY a.txt /home/app/x\nRUN useradd -m app", "/home/app", id="home"),
        pytest.param("COPY a.txt /data/x\nRUN useradd -m -d /data app", "/data", id="home-elsewhere"),
        pytest.param("ARG V\nRUN mkdir -p /opt/$V/x\nRUN touch /opt/1/x/y", "/opt", id="folder-by-variable"),
        pytest.param("RUN mkdir -p /data/[ab]\nRUN touch /data/a/y", "/data", id="folder-by-pattern"),
        pytest.param('SHELL ["/bin/bash", "-c"]\nRUN mkdir -p /data/{a,b}\nRUN touch /data/a/y', "/data", id="braces"),
        pytest.param("ENV X=/a\nCOPY a.txt /a/x\nRUN X=/b rm $X/x", "every file", id="variable-in-front"),
        pytest.param("ENV X=/a\nCOPY a.txt /a/x\nRUN echo $X/* > /list", "every file", id="pattern-behind-a-variable"),
        pytest.param("ENV PYTHONPATH=/app\nCOPY src /app\nRUN pip install flask", "/app", id="path-of-python"),
        pytest.param("ENV PIP_TARGET=/app/lib\nCOPY lib /app/lib\nRUN pip install flask", "", id="target-of-pip"),
        pytest.param("ENV PATH=/app/bin:$PATH\nCOPY src /app/bin\nRUN curl -o /x https://x.org", "/app/bin",
                     id="tools"),
        pytest.param("ENV PATH=/app/bin:$PATH\nCOPY src /app/bin\nRUN mkdir /data", "/app/bin/", id="plain-in-path"),
        pytest.param("ARG D\nWORKDIR $D\nCOPY a.txt x\nRUN touch /data", "/data", id="workdir-by-variable"),
        pytest.param("RUN tar xf /x.tar -C /\nCOPY a.txt /a/x\nRUN rm -rf /b/x", "/a/x", id="links-of-an-archive"),
        pytest.param("RUN exit 0 && mkdir -p /app\nRUN mkdir -p /app\nRUN touch /app/x", "/app", id="behind-an-exit"),
        pytest.param("USER app\nCOPY a.txt /home/app/x\nRUN rm ~/x", "is not known", id="home-of-an-account"),
        pytest.param("RUN useradd -d /data app\nUSER app\nCOPY a.txt /data/.npmrc\nRUN npm install -g yarn",
                     "/data/.npmrc", id="settings-in-a-home"),
        pytest.param("RUN mkdir /e\nRUN ln -s /e /l\nRUN mkdir -p /e/m\nRUN mkdir -p /l", "/e", id="folder-by-a-link"),
        pytest.param("RUN ln -s /e /l\nRUN mkdir -p /e\nCOPY a.txt /l/x", "/e", id="copy-by-a-link"),
        # 4.4: the last one wins
        pytest.param("CMD a\nCMD b", "what the image starts", id="cmd"),
        pytest.param("CMD a\nENTRYPOINT b", "what the image starts", id="entrypoint"),
        pytest.param("LABEL a=1\nLABEL a=2", "the label a", id="label"),
        pytest.param('LABEL "a"=1\nLABEL a=2', "the label a", id="quoted-label"),
        pytest.param("LABEL $K=1\nLABEL a=2", "the label a", id="label-by-variable"),
        pytest.param("HEALTHCHECK NONE\nHEALTHCHECK CMD x", "the health check", id="healthcheck"),
        pytest.param("STOPSIGNAL 9\nSTOPSIGNAL 15", "the stop signal", id="stopsignal"),
        pytest.param("MAINTAINER a\nMAINTAINER b", "the author", id="maintainer"),
        pytest.param("ONBUILD RUN a\nONBUILD RUN b", "the triggers", id="onbuild"),
        pytest.param("USER a\nUSER b", "the user", id="user"),
        pytest.param("VOLUME /data\nCOPY a.txt /data/a", "/data", id="volume"),
        pytest.param("RUN mkdir -p /data/x\nVOLUME /data", "/data", id="volume-behind"),
        pytest.param("ARG D\nENV E=$D\nVOLUME $E\nCOPY a.txt /x", "/x", id="volume-by-variable"),
    ],
)  # fmt: skip
def test_keeps_its_order(text: str, because: str) -> None:
    found = reason(text)
    assert found is not None
    assert because in found


def test_needs_a_build_context_for_what_an_install_reads() -> None:
    text = "COPY requirements.txt /app/\nCOPY src /src\nRUN pip install -r /app/requirements.txt"
    assert reason(text) is None
    assert "no build context" in (reason(text, None) or "")


def test_a_link_of_the_context_may_lead_anywhere() -> None:
    class Linked(MemoryContext):
        def is_link(self, path: str) -> bool:
            return path == "src"

    context = Linked({"src/main.py": "", "a.txt": ""})
    assert reason("COPY . /app\nCOPY a.txt /data/a\nRUN touch /app/src/x", CONTEXT) is None
    assert "/data/a" in (reason("COPY . /app\nCOPY a.txt /data/a\nRUN touch /app/src/x", context) or "")


def test_who_makes_a_folder_first_keeps_others_behind_it() -> None:
    made, ensured, used = 0, 1, 2
    found = ties(of("RUN mkdir -p /app\nRUN mkdir -p /app/x\nRUN touch /app/y"))
    assert {(tie.first, tie.second) for tie in found} == {(made, used)}
    found = ties(of("RUN test -d /app || true\nRUN mkdir -p /app\nRUN mkdir -p /app/x"))
    assert {(tie.first, tie.second) for tie in found} == {(0, ensured), (0, used)}


def test_a_folder_that_is_made_perhaps_is_not_relied_on() -> None:
    found = ties(of("RUN false && mkdir -p /app || true\nRUN mkdir -p /app\nRUN touch /app/y"))
    assert (1, 2) in {(tie.first, tie.second) for tie in found}


def test_knows_the_folders_of_a_stage_before() -> None:
    model = read("FROM python:3.12 AS base\nWORKDIR /app\nFROM base\nCOPY a.txt /app/\nRUN touch /app/x\n")
    assert not ties(effects(model, model.final, CONTEXT))


def test_says_what_it_reads_of_the_context_and_the_network() -> None:
    copy, bind, fetch, add = of(
        "COPY src a.txt /x/\nRUN --mount=type=bind,source=conf,target=/c cp /c/x.conf /y\n"
        "RUN curl -o /x/z https://x.org\nADD https://x.org/a /b/"
    )
    assert copy.context == ("src", "a.txt")
    assert bind.context == ("conf",)
    assert not bind.network
    assert fetch.context == ()
    assert fetch.network
    assert add.network


def test_sees_the_files_of_a_bind_mount() -> None:
    text = "WORKDIR /app\nCOPY src ./src\n" + (
        "RUN --mount=type=bind,source=requirements.txt,target=requirements.txt pip install -r requirements.txt"
    )
    assert reason(text) is None
    assert of(text)[-1].context == ("requirements.txt",)


def test_does_not_read_commands_of_windows() -> None:
    text = "COPY a.txt /app/\nRUN mkdir /data"
    assert "may run on Windows" in (reason(text, base="mcr.microsoft.com/windows/nanoserver:ltsc2022") or "")
