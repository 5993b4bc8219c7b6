"""The English catalogue: found in the sources, kept as .po, compiled to .mo, all in Python.

Chinese is the source language, so a message id is the Chinese text itself. No gettext programs needed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
from django.utils.translation.template import templatize

SOURCES = ("platform", "annotation", "assets", "exchange", "settlement")
_SINGLE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURAL = {"ngettext", "ngettext_lazy"}
_CONTEXT = {"pgettext", "pgettext_lazy"}
_TEMPLATE_CALL = re.compile(
    r"""\b(?:gettext|_)\(\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))\s*\)""", re.DOTALL
)
_TEMPLATE_PLURAL = re.compile(
    r"""\bngettext\(\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))\s*,\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))""",
    re.DOTALL,
)
Message = tuple[str, str | None, str | None]  # msgid, plural, context


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def in_python(source: str) -> Iterator[Message]:
    """The messages that a Python source marks for translation."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        texts = [_text(argument) for argument in node.args[:2]]
        if name in _SINGLE and texts[0]:
            yield texts[0], None, None
        elif name in _PLURAL and len(texts) == 2 and texts[0]:
            yield texts[0], texts[1], None
        elif name in _CONTEXT and len(texts) == 2 and texts[1]:
            yield texts[1], None, texts[0]


def in_template(source: str) -> Iterator[Message]:
    """The messages that a Django template marks for translation."""
    shown = templatize(source)
    for match in _TEMPLATE_CALL.finditer(shown):
        yield ast.literal_eval(match[1]), None, None
    for match in _TEMPLATE_PLURAL.finditer(shown):
        yield ast.literal_eval(match[1]), ast.literal_eval(match[2]), None


def in_sources(root: Path) -> dict[Message, str]:
    """Every message below the source folders, with the first file that uses it."""
    found: dict[Message, str] = {}
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".py", ".html", ".txt") or "migrations" in path.parts:
                continue
            text = path.read_text("utf-8")
            read = in_python if path.suffix == ".py" else in_template
            for message in read(text):
                if message[0].strip():
                    found.setdefault(message, path.relative_to(root).as_posix())
    return found


def catalogue_path(root: Path) -> Path:
    """Where the English catalogue lies."""
    return root / "locale" / "en" / "LC_MESSAGES" / "django.po"


def load(root: Path) -> polib.POFile:
    """The kept catalogue, or an empty one with its header."""
    path = catalogue_path(root)
    if path.exists():
        return polib.pofile(str(path))
    empty = polib.POFile(wrapwidth=110)
    empty.metadata = {
        "Project-Id-Version": "qingshu",
        "Language": "en",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    return empty


def refresh(root: Path, english: dict[str, str]) -> polib.POFile:
    """Bring the catalogue up to the sources; `english` fills entries that have no translation yet."""
    kept = {(entry.msgid, entry.msgctxt): entry for entry in load(root) if not entry.obsolete}
    fresh = load(root)
    fresh.clear()
    for (msgid, plural, context), used_in in sorted(
        in_sources(root).items(), key=lambda pair: (pair[1], pair[0][0])
    ):
        before = kept.get((msgid, context))
        entry = polib.POEntry(msgid=msgid, msgctxt=context, occurrences=[(used_in, "")])
        if "%(" in msgid:
            entry.flags = ["python-format"]
        if plural:
            entry.msgid_plural = plural
            forms = before.msgstr_plural if before else {}
            entry.msgstr_plural = {
                i: forms.get(i) or english.get(text, "") for i, text in ((0, msgid), (1, plural))
            }
        else:
            entry.msgstr = (before.msgstr if before else "") or english.get(msgid, "")
        fresh.append(entry)
    return fresh


def faults(root: Path) -> list[str]:
    """What is wrong with the catalogue: missing, empty, fuzzy or stale entries, changed placeholders."""
    kept = {(entry.msgid, entry.msgctxt): entry for entry in load(root) if not entry.obsolete}
    wanted = {(msgid, context): where for (msgid, _plural, context), where in in_sources(root).items()}
    found = [f"missing: {msgid!r} ({wanted[msgid, ctx]})" for msgid, ctx in wanted.keys() - kept.keys()]
    found += [f"no longer used: {msgid!r}" for msgid, _context in kept.keys() - wanted.keys()]
    for entry in kept.values():
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if not all(texts) or entry.fuzzy:
            found.append(f"empty or fuzzy: {entry.msgid!r} {entry.occurrences}")
            continue
        names = set(re.findall(r"%\((\w+)\)", entry.msgid))
        found += [
            f"placeholders differ: {entry.msgid!r}"
            for text in texts
            if not set(re.findall(r"%\((\w+)\)", text)) <= names
            or (not entry.msgid_plural and set(re.findall(r"%\((\w+)\)", text)) != names)
        ]
    return sorted(found)


def compile_catalogue(root: Path) -> Path:
    """Write the .mo beside the .po when it is older; the path of the .mo."""
    source = catalogue_path(root)
    target = source.with_suffix(".mo")
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        polib.pofile(str(source)).save_as_mofile(str(target))
    return target
