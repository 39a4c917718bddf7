"""The Language Server Protocol over standard input and output.

Positions count UTF-16 code units, as the protocol does by default; findings have them so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

from optimizer import __version__
from optimizer.lsp.analysis import Analysis, analyse, explanation
from optimizer.registry import find
from optimizer.report.findings import UNREADABLE, Finding, Level
from optimizer.single import Replacement

FIX_ALL = f"{lsp.CodeActionKind.SourceFixAll.value}.dockopt"
_SEVERITIES: dict[Level, lsp.DiagnosticSeverity] = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "note": lsp.DiagnosticSeverity.Information,
}


class Server(LanguageServer):
    """The open Dockerfiles, each with what was found in the version of it that was looked at."""

    def __init__(self) -> None:
        super().__init__("dockopt", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental)
        self._known: dict[str, tuple[int | None, Analysis]] = {}

    def analysis(self, document: TextDocument, *, fresh: bool = False) -> Analysis:
        """What is known of a document as it stands."""
        known = self._known.get(document.uri)
        if known is None or known[0] != document.version or fresh:
            path = to_fs_path(document.uri) or PurePath(document.path).name
            known = self._known[document.uri] = (document.version, analyse(path, document.source, fresh=fresh))
        return known[1]

    def tell(self, uri: str, *, fresh: bool) -> None:
        """Publish what is found in a document."""
        document = self.workspace.get_text_document(uri)
        analysis = self.analysis(document, fresh=fresh)
        told = [_diagnostic(each, document) for each in analysis.findings]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, told, document.version))

    def forget(self, uri: str) -> None:
        """Drop a document, and take back what was said of it."""
        self._known.pop(uri, None)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))


def make() -> Server:
    """A server with all that it can do."""
    server = Server()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.tell(params.text_document.uri, fresh=True)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        server.tell(params.text_document.uri, fresh=False)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        server.tell(params.text_document.uri, fresh=True)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix, FIX_ALL]),
    )
    def code_actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        document = server.workspace.get_text_document(params.text_document.uri)
        only = params.context.only
        found = _actions(document, server.analysis(document), params.range)
        return [each for each in found if only is None or any(_is_kind(each, kind) for kind in only)]

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        document = server.workspace.get_text_document(params.text_document.uri)
        line = params.position.line + 1
        texts = [explanation(each) for each in server.analysis(document).findings if each.line == line]
        if not texts:
            return None
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(texts)))

    return server


def _diagnostic(finding: Finding, document: TextDocument) -> lsp.Diagnostic:
    return lsp.Diagnostic(
        _line(finding, document),
        finding.message,
        _SEVERITIES[finding.level],
        finding.rule,
        source="dockopt",
        data=finding.fingerprint,
    )


def _line(finding: Finding, document: TextDocument) -> lsp.Range:
    """From where the finding is to the end of its line."""
    number = finding.line - 1
    lines = document.lines
    text = lines[number].rstrip("\r\n") if number < len(lines) else ""
    length = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return lsp.Range(lsp.Position(number, min(finding.column - 1, length)), lsp.Position(number, length))


def _actions(document: TextDocument, analysis: Analysis, where: lsp.Range) -> Iterator[lsp.CodeAction]:
    for finding in analysis.findings:
        if not where.start.line <= finding.line - 1 <= where.end.line or finding.rule == UNREADABLE:
            continue
        about = [_diagnostic(finding, document)]
        summary = find(finding.rule).summary
        if finding.replacements:
            yield lsp.CodeAction(
                f"{finding.rule}: {summary}",
                lsp.CodeActionKind.QuickFix,
                about,
                is_preferred=finding.level == "warning",
                edit=_edit(document, finding.replacements),
            )
        yield lsp.CodeAction(
            f"Leave it as it is ({finding.rule})",
            lsp.CodeActionKind.QuickFix,
            about,
            edit=_edit(document, (_comment(finding, document),)),
        )
    if analysis.everything:
        yield lsp.CodeAction("dockopt: apply all fixes", FIX_ALL, edit=_edit(document, analysis.everything))


def _comment(finding: Finding, document: TextDocument) -> Replacement:
    """A comment above the instruction that switches the transform off for it."""
    newline = "\r\n" if document.lines and document.lines[0].endswith("\r\n") else "\n"
    text = document.lines[finding.line - 1]
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    return Replacement(finding.line, finding.line, 1, f"{indent}# dockopt: ignore={finding.rule}{newline}")


def _edit(document: TextDocument, changes: tuple[Replacement, ...]) -> lsp.WorkspaceEdit:
    edits = [
        lsp.TextEdit(
            lsp.Range(lsp.Position(each.line - 1, 0), lsp.Position(each.end_line - 1, each.end_column - 1)), each.text
        )
        for each in changes
    ]
    return lsp.WorkspaceEdit({document.uri: edits})


def _is_kind(action: lsp.CodeAction, kind: str) -> bool:
    """Source: the protocol's CodeActionKind: kinds are hierarchical, separated by dots."""
    have = str(getattr(action.kind, "value", action.kind))
    want = str(getattr(kind, "value", kind))
    return have == want or have.startswith(want + ".")


def serve() -> None:
    """Serve one editor until it goes."""
    make().start_io()
