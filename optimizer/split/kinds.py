"""Kinds of commands, by what they need and leave: which of them a final stage can run again."""

from __future__ import annotations

SETUP = frozenset({
    "useradd", "groupadd", "adduser", "addgroup", "usermod", "groupmod", "mkdir", "chown", "chmod", "chgrp", "ln",
    "touch",
})  # fmt: skip
"""Commands that make users, folders and links, and need nothing but the base image."""
SETTLING = frozenset({"localedef", "locale-gen", "update-locale", "dpkg-reconfigure"})
"""Commands that set up what packages of the distribution have brought: locales, the time zone."""
NEUTRAL = frozenset({
    "", ":", "[", "apt-mark", "arch", "awk", "bash", "cat", "cd", "command", "cut", "date", "df", "dpkg", "dpkg-query",
    "du", "echo", "exit", "export", "find", "grep", "hash", "head", "hostname", "id", "ldd", "ls", "nproc", "printf",
    "pwd", "rm", "rmdir", "sed", "set", "sh", "sleep", "sort", "tail", "test", "true", "type", "umask", "uname",
    "unset", "which", "whoami", "xargs",
})  # fmt: skip
"""Commands that leave nothing behind that anybody needs; `sh -c` is judged by what it runs."""
