"""XML files: messages as elements (`<GTLMessages>` with one for each action, `<interaction operation=…>`), or any
list of records. Read as a stream; document type declarations, and with them entities, are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from openiwd.adapters.files.row import ERROR, OWN, STATUS, BrokenFileError, Rejected, Row
from openiwd.domain.capture.point import FileSource
from openiwd.domain.errors import InvalidInputError

BLOCK: Final = 64 * 1024
MOST_NODES: Final = 5_000
LONGEST_TEXT: Final = 1024 * 1024
DEEPEST: Final = 32
_MESSAGE: Final = re.compile(
    r"(create|update|hold|resume|cancel|complete|restart)task(?:by\w+)?|(get)task(info)(?:by\w+)?|(ping)",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*")


class _Node:
    """An element while it is read."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag.rpartition(":")[2]
        self.attributes = {
            name.rpartition(":")[2]: v for name, v in attributes.items() if not _is_xmlns(name)
        }
        self.children: list[_Node] = []
        self.text: list[str] = []

    def plain(self) -> list[Any]:
        """[tag, attributes, text, children], to be kept as JSON."""
        return [self.tag, self.attributes, "".join(self.text).strip(), [c.plain() for c in self.children]]


def _is_xmlns(name: str) -> bool:
    return name == "xmlns" or name.startswith(("xmlns:", "xsi:"))


class _Reader:
    """Gathers the children of the root one by one; a root that is a message itself is the only record."""

    def __init__(self) -> None:
        self.done: list[_Node] = []
        self.root: str | None = None
        self._stack: list[_Node] = []
        self._single = False
        self._nodes = 0
        self._length = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data

    def _refuse(self, *_: Any) -> None:
        raise BrokenFileError(
            "the file declares a document type, which can hide entities",
            hint="leave <!DOCTYPE …> out",
            code="xmlRefused",
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        node = _Node(tag, attributes)
        if self.root is None:
            self.root = node.tag
            self._single = node.tag.casefold() == "interaction" or _MESSAGE.fullmatch(node.tag) is not None
            if not self._single:
                return
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self._nodes = self._length = 0
        self._stack.append(node)
        self._nodes += 1
        if self._nodes > MOST_NODES or len(self._stack) > DEEPEST:
            raise BrokenFileError(
                f"a record has more than {MOST_NODES} elements, or is deeper than {DEEPEST}",
                hint="send less in one",
            )

    def _data(self, text: str) -> None:
        if self._stack:
            self._length += len(text)
            if self._length > LONGEST_TEXT:
                raise BrokenFileError(
                    f"a record is longer than {LONGEST_TEXT} characters", hint="send less in one"
                )
            self._stack[-1].text.append(text)

    def _end(self, _: str) -> None:
        if self._stack:
            node = self._stack.pop()
            if not self._stack:
                self.done.append(node)


class XmlForm:
    """Implements `Form`."""

    def __init__(self) -> None:
        self._root: str | None = None

    def head(self) -> Any:
        return self._root

    def rows(self, file: IO[bytes], settings: FileSource) -> Iterator[Row]:  # noqa: ARG002 - XML says its own encoding
        reader = _Reader()
        while True:
            block = file.read(BLOCK)
            try:
                reader.parser.Parse(block, not block)
            except (expat.ExpatError, BrokenFileError, LookupError, ValueError) as error:
                yield from self._taken(reader)
                if isinstance(error, BrokenFileError):
                    raise
                raise BrokenFileError(
                    f"the file is no sound XML: {error}", hint="correct it there"
                ) from error
            yield from self._taken(reader)
            if not block:
                return

    def _taken(self, reader: _Reader) -> Iterator[Row]:
        self._root = reader.root
        nodes, reader.done = reader.done, []
        for node in nodes:
            yield _row(node)

    def write(self, file: IO[bytes], head: Any, rejected: Iterator[Rejected]) -> None:
        root = head if isinstance(head, str) and _NAME.fullmatch(head) else "GTLMessages"
        if _MESSAGE.fullmatch(root) or root.casefold() == "interaction":
            root = "GTLMessages"
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>\n'.encode())
        for row in rejected:
            tag, attributes, text, children = row.kept
            kept = {k: v for k, v in attributes.items() if k.casefold() not in OWN}
            whole = [tag, {**kept, STATUS: "error", ERROR: row.error}, text, children]
            file.write((_written(whole) + "\n").encode("utf-8", "replace"))
        file.write(f"</{root}>\n".encode())


def _row(node: _Node) -> Row:
    kept = node.plain()
    raw = _written(kept)
    operation = next((v for k, v in node.attributes.items() if k.casefold() == "operation"), None)
    message: str | None = None
    if node.tag.casefold() == "interaction":
        if not operation:
            fault = InvalidInputError("the interaction has no operation", field="operation", hint="say which")
            return Row({}, kept, raw, fault=fault)
        message = operation
    elif match := _MESSAGE.fullmatch(node.tag):
        message = "".join(part for part in match.groups() if part)
    fields: dict[str, Any] = {
        name: value
        for name, value in node.attributes.items()
        if name.casefold() not in OWN and not (message is not None and name.casefold() == "operation")
    }
    for child in node.children:
        root = child.tag.casefold()
        if message is not None and root in ("ext", "data", "userdata"):
            fields |= _inner("ext" if root == "ext" else "data", child)
        else:
            _add(fields, child.tag, _value(child))
    return Row(fields, kept, raw, message)


def _inner(root: str, node: _Node) -> dict[str, Any]:
    """The parts of `<Ext>` and `<Data>`: by attributes, by elements, or by pairs of key and value."""
    found: dict[str, Any] = {f"{root}.{name}": value for name, value in node.attributes.items()}
    for child in node.children:
        key = next((v for k, v in child.attributes.items() if k.casefold() in ("key", "name")), None)
        if key is not None:
            value = next((v for k, v in child.attributes.items() if k.casefold() == "value"), None)
            found[f"{root}.{key}"] = "".join(child.text).strip() if value is None else value
        else:
            _add(found, f"{root}.{child.tag}", _value(child))
    return found


def _value(node: _Node) -> Any:
    text = "".join(node.text).strip()
    if not node.children and not node.attributes:
        return text
    inner: dict[str, Any] = dict(node.attributes)
    for child in node.children:
        _add(inner, child.tag, _value(child))
    if text:
        inner["text"] = text
    return inner


def _add(fields: dict[str, Any], name: str, value: Any) -> None:
    """Repeated elements become a list."""
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


def _written(node: list[Any]) -> str:
    tag, attributes, text, children = node
    head = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    inner = escape(text) + "".join(_written(child) for child in children)
    return f"<{tag}{head}>{inner}</{tag}>" if inner else f"<{tag}{head}/>"
