"""CoNLL for Chinese: one character a line, a sentence per row, BIO and BIOES.

The first column is the character, the second the tag of the outermost span, further columns those of spans that
lie in it or cross it: nothing is dropped, and a reader of two columns gets the usual file. White space is no token
(a line could not hold it); the whole text stands before each sentence as a JSON string.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from assets.exports.formats.archive import Part, joined, text_part
from assets.exports.formats.rows import AnnotatedRow, Source, Span, layers

README = """# CoNLL

- `bio.conll`、`bioes.conll`: UTF-8，制表符分列；一行一个字，空行分句，一句即一条样本。 / One character a line, tab separated,
  an empty line between samples.
- 第一列为字，第二列为最外层实体，其后各列为嵌套或交叉的实体。 / Character, outermost span, then nested or crossing spans.
- 空白不占行；`# text` 为原文（JSON 字符串）。 / White space is no token; `# text` holds the text as a JSON string.
- `labels.txt`: 标签，按标注配置的顺序。 / Labels in the order of the labeling config.
"""

BIO, BIOES = "bio", "bioes"


def tags(text: str, spans: Sequence[Span], scheme: str) -> list[str]:
    """The tag of every character of the text for spans that do not overlap; white space has none of its own."""
    found = ["O"] * len(text)
    for span in spans:
        places = [place for place in range(span.start, min(span.end, len(text))) if not text[place].isspace()]
        for place in places:
            found[place] = f"I-{span.label}"
        if not places:
            continue
        found[places[0]] = f"B-{span.label}"
        if scheme == BIOES:
            found[places[-1]] = f"E-{span.label}" if len(places) > 1 else f"S-{span.label}"
    return found


def sentence(row: AnnotatedRow, scheme: str, width: int) -> Iterator[str]:
    """The lines of one row with `width` columns of tags, and the empty line after it."""
    text = row.text or ""
    columns = [tags(text, layer, scheme) for layer in layers(row.spans)]
    columns += [["O"] * len(text)] * (width - len(columns))
    yield f"# id = {row.id}\n# item = {row.item}\n# annotator = {row.annotator}\n"
    yield f"# text = {json.dumps(text, ensure_ascii=False)}\n"
    for place, character in enumerate(text):
        if not character.isspace():
            yield "\t".join([character, *(column[place] for column in columns)]) + "\n"
    yield "\n"


def _document(source: Source, scheme: str) -> Iterator[str]:
    width = max((len(layers(row.spans)) for row in source.rows()), default=0)
    for row in source.rows():
        yield from sentence(row, scheme, max(1, width))


def parts(source: Source) -> Iterator[Part]:
    """The files of the archive."""
    yield text_part("README.md", README)
    yield Part("bio.conll", joined(_document(source, BIO)))
    yield Part("bioes.conll", joined(_document(source, BIOES)))
    yield text_part("labels.txt", "".join(f"{name}\n" for name in source.classes))
