"""The language server, asked by a real client through its standard input and output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

ROOT = Path(__file__).resolve().parents[2]
TEXT = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\nADD app.py /app/\n"


class Editor:
    """What an editor does with a server, and what it is told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.client = LanguageClient("editor", "1")
        self.told: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def told(params: lsp.PublishDiagnosticsParams) -> None:
            self.told.put_nowait(params)

    async def start(self) -> lsp.InitializeResult:
        await self.client.start_io(sys.executable, "-m", "optimizer", "lsp", cwd=ROOT)
        folder = lsp.WorkspaceFolder(self.root.as_uri(), "app")
        asked = lsp.InitializeParams(lsp.ClientCapabilities(), workspace_folders=[folder])
        result = await self.client.initialize_async(asked)
        self.client.initialized(lsp.InitializedParams())
        return result

    def uri(self, name: str = "Dockerfile") -> str:
        return (self.root / name).as_uri()

    async def diagnostics(self) -> list[lsp.Diagnostic]:
        return list((await asyncio.wait_for(self.told.get(), 30)).diagnostics)

    async def open(self, text: str, name: str = "Dockerfile") -> list[lsp.Diagnostic]:
        item = lsp.TextDocumentItem(self.uri(name), "dockerfile", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return await self.diagnostics()

    async def change(self, text: str, version: int) -> list[lsp.Diagnostic]:
        document = lsp.VersionedTextDocumentIdentifier(version, self.uri())
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [whole]))
        return await self.diagnostics()

    async def actions(self, line: int, *only: str) -> list[lsp.CodeAction]:
        where = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
        context = lsp.CodeActionContext([], only=list(only) or None)
        asked = lsp.CodeActionParams(lsp.TextDocumentIdentifier(self.uri()), where, context)
        found = await self.client.text_document_code_action_async(asked)
        return [each for each in found or [] if isinstance(each, lsp.CodeAction)]


def session(root: Path, work: Callable[[Editor], Awaitable[None]]) -> None:
    async def run() -> None:
        editor = Editor(root)
        try:
            await editor.start()
            await work(editor)
            await editor.client.shutdown_async(None)
        finally:
            editor.client.exit(None)
            await editor.client.stop()  # type: ignore[no-untyped-call]

    asyncio.run(run())


def applied(text: str, action: lsp.CodeAction, uri: str) -> str:
    """The text with an action's edits, as the protocol has them: UTF-16 positions in the text before."""
    assert action.edit is not None
    assert action.edit.changes is not None
    lines = text.splitlines(keepends=True)
    for edit in sorted(action.edit.changes[uri], key=lambda each: each.range.start.line, reverse=True):
        start, end = edit.range.start, edit.range.end
        assert start.character == 0
        rest = (
            lines[end.line].encode("utf-16-le")[2 * end.character :].decode("utf-16-le")
            if end.line < len(lines)
            else ""
        )
        lines[start.line : end.line + 1] = [edit.new_text + rest]
    return "".join(lines)


def test_findings_come_while_the_file_is_edited(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        found = await editor.open(TEXT)
        by_rule: dict[Any, lsp.Diagnostic] = {each.code: each for each in found}
        assert {"update_with_install", "copy_over_add"} <= set(by_rule)
        assert by_rule["copy_over_add"].severity == lsp.DiagnosticSeverity.Warning
        assert by_rule["copy_over_add"].range == lsp.Range(lsp.Position(3, 0), lsp.Position(3, 16))
        assert [each.code for each in await editor.change("FROM scratch\n", 2)] == []
        (broken,) = await editor.change("FROM debian\nRUM x\n", 3)
        assert (broken.severity, broken.range.start.line) == (lsp.DiagnosticSeverity.Error, 1)
        editor.client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(editor.uri())))
        assert await editor.diagnostics() == []

    session(tmp_path, work)


def test_a_quick_fix_does_what_the_command_line_does(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        await editor.open(TEXT)
        actions = await editor.actions(3)
        fix, leave, everything = actions
        assert fix.is_preferred
        assert fix.diagnostics
        assert applied(TEXT, fix, editor.uri()) == TEXT.replace("ADD", "COPY")
        assert applied(TEXT, leave, editor.uri()) == TEXT.replace("ADD", "# dockopt: ignore=copy_over_add\nADD")
        left = await editor.change(applied(TEXT, leave, editor.uri()), 2)
        assert "copy_over_add" not in [each.code for each in left]
        assert everything.kind == "source.fixAll.dockopt"

    session(tmp_path, work)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_all_fixes_at_once(tmp_path: Path, newline: str) -> None:
    async def work(editor: Editor) -> None:
        text = TEXT.replace("\n", newline) + "LABEL face=😀"
        await editor.open(text)
        (everything,) = await editor.actions(0, "source.fixAll")
        assert await editor.actions(0, "refactor") == []
        after = applied(text, everything, editor.uri())
        assert newline.join(("RUN apt-get update && \\", "    apt-get install -y curl && \\")) in after
        assert "COPY app.py /app/" in after
        left = await editor.change(after, 2)
        assert [each.code for each in left if each.severity == lsp.DiagnosticSeverity.Warning] == []

    session(tmp_path, work)


def test_hovering_explains(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        await editor.open(TEXT)
        where = lsp.HoverParams(lsp.TextDocumentIdentifier(editor.uri()), lsp.Position(3, 2))
        hover = await editor.client.text_document_hover_async(where)
        assert hover is not None
        assert isinstance(hover.contents, lsp.MarkupContent)
        assert "**copy_over_add**" in hover.contents.value
        assert "## When it refuses" in hover.contents.value
        nothing = lsp.HoverParams(lsp.TextDocumentIdentifier(editor.uri()), lsp.Position(0, 2))
        found = await editor.client.text_document_hover_async(nothing)
        assert found is None or "copy_over_add" not in str(found.contents)

    session(tmp_path, work)


def test_the_folder_of_the_file_counts(tmp_path: Path) -> None:
    """Settings and build context are those of the command line, and are read again when the file is saved."""

    async def work(editor: Editor) -> None:
        text = "FROM node:20\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"
        assert "manifests_first" not in [each.code for each in await editor.open(text)]
        (tmp_path / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
        (tmp_path / "package-lock.json").write_text('{"lockfileVersion": 3, "packages": {}}')
        (tmp_path / "index.js").write_text("")
        editor.client.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(editor.uri())))
        assert "manifests_first" in [each.code for each in await editor.diagnostics()]
        (tmp_path / ".dockopt.toml").write_text('ignore = ["manifests_first"]')
        assert "manifests_first" not in [each.code for each in await editor.change(text + "\n", 2)]
        (tmp_path / ".dockopt.toml").write_text("ignore = 3")
        (wrong,) = await editor.change(text, 3)
        assert ".dockopt.toml:1:" in wrong.message

    session(tmp_path, work)


def test_a_text_that_could_hurt_does_not(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        (huge,) = await editor.open("#" * (5 << 20))
        assert "larger" in huge.message
        assert await editor.change("", 2) != []
        found = await editor.change("FROM debian\nRUN git clone '/[x](command:evil)' && make\n", 3)
        assert all(each.message.isprintable() for each in found)

    session(tmp_path, work)
