"""Edits of one element: the new text says it, and nothing else has moved."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from textwrap import dedent
from xml.dom import minidom

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vconsole.model import xml_tree
from vconsole.model.xml_edit import Document, Element, XmlEditError, diff, element, escape_text

DOMAIN = dedent("""\
    <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
      <name>web</name>
      <memory unit="KiB">1048576</memory>
      <devices>
        <!-- two of them -->
        <serial type='pty'>
          <target port='0'/>
        </serial>
        <console type='pty'/>
      </devices>
      <features/>
      <qemu:commandline>
        <qemu:arg value='-s'/>
      </qemu:commandline>
    </domain>
    """)

# --- any document: every way to write the same thing, in one line or in many

tags = st.sampled_from(["serial", "a", "b.c-d", "qemu:arg", "größe", "数"])
words = st.text(st.sampled_from("ab \té数😀.-/=;"), max_size=6)
values = st.text(st.characters(codec="utf-8"), max_size=8)
bits = st.one_of(
    words,
    st.sampled_from(["&lt;", "&#10;", "&#x1F600;", "'", '"', ">", "\n    "]),
    words.map(lambda w: f"<!--{w.replace('-', '<>')}-->"),
    words.map(lambda w: f"<![CDATA[<x a='{w}'>&no;]]>"),
    words.map(lambda w: f"<?note {w}?>"),
)


@st.composite
def start_tags(draw: st.DrawFn, tag: str) -> str:
    names = draw(st.lists(st.sampled_from(["x", "port", "xml:lang", "ж"]), unique=True))
    out = f"<{tag}"
    for name in names:
        quote = draw(st.sampled_from("'\""))
        value = draw(st.text(st.sampled_from("ab />=é\n😀"), max_size=5)) + draw(
            st.sampled_from(["", "&quot;", "&#9;", "'" if quote == '"' else '"'])
        )
        space, equals = (
            draw(st.sampled_from([" ", "\n\t", "  "])),
            draw(st.sampled_from(["=", " = "])),
        )
        out += f"{space}{name}{equals}{quote}{value}{quote}"
    return out + draw(st.sampled_from(["", " ", "\n"]))


@st.composite
def elements(draw: st.DrawFn, content: st.SearchStrategy[str]) -> str:
    tag = draw(tags)
    start = draw(start_tags(tag))
    if draw(st.booleans()):
        return f"{start}/>"
    return f"{start}>{draw(content)}</{tag}{draw(st.sampled_from(['', ' ']))}>"


def contents(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    line = inner.map(lambda child: f"\n    {child}")
    parts = st.lists(st.one_of(inner, line, bits), max_size=4)
    return elements(st.tuples(parts, st.sampled_from(["", "\n  "])).map(_joined))


def _joined(parts: tuple[list[str], str]) -> str:
    return "".join(parts[0]) + parts[1]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    body = draw(st.recursive(elements(bits), contents, max_leaves=6))
    head = draw(
        st.sampled_from(["", "<?xml version='1.0' encoding='latin-1'?>\n", "<!-- é -->", "\ufeff"])
    )
    text = (
        head + f"<domain xmlns:qemu='q'>\n  {body}\n</domain>" + draw(st.sampled_from(["", "\n"]))
    )
    return Document(text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))))


@st.composite
def documents_and_nodes(draw: st.DrawFn) -> tuple[Document, Element]:
    document = draw(documents())
    return document, draw(st.sampled_from(list(document.root.iter())))


def told(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What another parser reads: tag, attributes and own text of each element, in order."""
    root = minidom.parseString(text.encode()).documentElement  # prefixes stay as written
    assert root is not None
    return [
        (
            node.tagName,
            dict(node.attributes.items()),
            "".join(child.data for child in node.childNodes if isinstance(child, minidom.Text)),
        )
        for node in [root, *root.getElementsByTagName("*")]
    ]


def said(document: Document) -> list[tuple[str, dict[str, str], str]]:
    return [(node.tag, dict(node.attributes), node.text) for node in document.root.iter()]


def place(document: Document, node: Element) -> int:
    return [own is node for own in document.root.iter()].index(True)


@given(documents())
def test_what_is_read_is_what_another_parser_reads(document: Document) -> None:
    assert said(document) == told(document.text.replace("encoding='latin-1'", ""))


@given(documents())
def test_offsets_enclose_the_element(document: Document) -> None:
    for node in document.root.iter():
        assert document.text[node.start :].startswith(f"<{node.tag}")
        assert document.text[node.end - 1] == ">"
        assert node.start < node.inside <= node.close <= node.end
        assert document.text[node.close : node.end].startswith(
            f"</{node.tag}"[: node.end - node.close]
        )
        inner = [node.inside, *(n for c in node.children for n in (c.start, c.end)), node.close]
        assert all(a <= b for a, b in pairwise(inner))
        before = document.text[: node.start].replace("\r\n", "\n")
        assert node.line == before.count("\n") + 1


@given(documents_and_nodes(), values)
def test_an_attribute_changes_only_its_start_tag(
    case: tuple[Document, Element], value: str
) -> None:
    document, node = case
    try:
        text = document.set_attribute(node, "port", value)
    except XmlEditError:
        assert any(ord(char) < 32 or char in "\ufffe\uffff" for char in value)
        return
    edited = Document(text)
    assert text[: node.start] == document.text[: node.start]
    assert text.endswith(document.text[node.inside - 1 :])
    expected = said(document)
    expected[place(document, node)][1]["port"] = value
    assert said(edited) == expected
    again = list(edited.root.iter())[place(document, node)]
    without = edited.remove_attribute(again, "port")
    if "port" not in node.attributes:
        assert without == document.text
    assert "port" not in list(Document(without).root.iter())[place(document, node)].attributes


@given(documents_and_nodes(), st.text(st.characters(codec="utf-8", categories=("L", "P", "S"))))
@example((Document("<a b='/>' />"), Document("<x/>").root), "")
def test_text_changes_only_the_content(case: tuple[Document, Element], value: str) -> None:
    document, node = case
    if node.tag == "x":
        node = document.root
    if node.children:
        with pytest.raises(XmlEditError, match="holds elements"):
            document.set_text(node, value)
        return
    text = document.set_text(node, value)
    edited = list(Document(text).root.iter())[place(document, node)]
    assert edited.text == value
    assert edited.attributes == node.attributes
    assert text[: node.start] == document.text[: node.start]
    assert text.endswith(document.text[node.end :])


@given(documents_and_nodes())
def test_an_insertion_behind_a_child_is_undone_by_its_removal(
    case: tuple[Document, Element],
) -> None:
    document, parent = case
    for child in parent.children:
        text = document.insert(parent, "<new><in a='1'/></new>", after=child)
        assert text[: child.end] == document.text[: child.end]
        assert text.endswith(document.text[child.end :])
        edited = Document(text)
        new = next(node for node in edited.root.iter() if node.tag == "new")
        assert edited.remove(new) == document.text


@given(documents_and_nodes())
def test_an_insertion_at_the_end_touches_nothing_before_or_behind(
    case: tuple[Document, Element],
) -> None:
    document, parent = case
    text = document.insert(parent, "<new>é</new>")
    assert text[: parent.start] == document.text[: parent.start]
    assert text.endswith(document.text[parent.end :])
    edited = list(Document(text).root.iter())[place(document, parent)]
    assert edited.children[-1].tag == "new"
    assert [c.tag for c in edited.children[:-1]] == [c.tag for c in parent.children]
    if parent.inside != parent.end:
        content = document.text[parent.inside : parent.close].rstrip()
        assert text[: parent.inside + len(content)] == document.text[: parent.inside + len(content)]


@given(documents_and_nodes())
def test_a_removal_takes_the_element_and_its_indentation(case: tuple[Document, Element]) -> None:
    document, node = case
    if node is document.root:
        with pytest.raises(XmlEditError, match="whole document"):
            document.remove(node)
        return
    text = document.remove(node)
    assert text.endswith(document.text[node.end :])
    before = text[: len(text) - len(document.text[node.end :])]
    gone = document.text[len(before) : node.start]
    assert document.text.startswith(before)
    assert gone.strip(" \t\r\n") == ""
    assert gone == "" or gone[0] in "\r\n"
    first, size = place(document, node), len(list(node.iter()))
    kept = [row[:2] for row in said(document)]
    assert [row[:2] for row in said(Document(text))] == kept[:first] + kept[first + size :]


@given(documents_and_nodes())
def test_a_replacement_stands_in_the_same_place(case: tuple[Document, Element]) -> None:
    document, node = case
    text = document.replace(node, "<new/>")
    assert text == f"{document.text[: node.start]}<new/>{document.text[node.end :]}"


# --- the layout


def edited(text: str, path: str, xml: str, after: str = "", *, create: bool = False) -> str:
    document = Document(text)
    behind = document.findall(f"{path}/{after}")[-1] if after else None
    return document.insert(path, xml, behind, create=create)


def test_a_new_child_stands_behind_its_neighbour_and_is_indented_as_it_is() -> None:
    serial = element("serial", {"type": "unix"}, element("target", {"port": "1"}))
    text = edited(DOMAIN, "devices", serial, after="serial")
    assert diff(DOMAIN, text) == (
        "@@ -6,4 +6,7 @@",
        "     <serial type='pty'>",
        "       <target port='0'/>",
        "+    </serial>",
        "+    <serial type='unix'>",
        "+      <target port='1'/>",
        "     </serial>",
        "     <console type='pty'/>",
    )


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_the_line_breaks_are_those_of_the_document(line_break: str) -> None:
    before = "<domain>\n\t<name>a</name>\n\t<pm/>\n</domain>\n".replace("\n", line_break)
    after = edited(before, "pm", "<s>\n<t/>\n</s>")
    wanted = "<pm>\n\t\t<s>\n\t\t\t<t/>\n\t\t</s>\n\t</pm>".replace("\n", line_break)
    assert after == before.replace("<pm/>", wanted)


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("<d/>", "", "<d><n/></d>"),
        ("<d a='/>' />", "", "<d a='/>'><n/></d>"),
        ("<d><a/></d>", "", "<d><a/><n/></d>"),
        ("<d>text</d>", "", "<d>text<n/></d>"),
        ("<d>\n  text\n</d>", "", "<d>\n  text<n/>\n</d>"),
        ("<d>\n</d>", "", "<d>\n  <n/>\n</d>"),
        ("<d>\n  <a/></d>", "", "<d>\n  <a/>\n  <n/>\n</d>"),
        ("<d>\n  <a></a>\n</d>", "a", "<d>\n  <a>\n    <n/>\n  </a>\n</d>"),
        ("<d>\n    <a/>\n</d>", "a", "<d>\n    <a>\n        <n/>\n    </a>\n</d>"),
        ("<d>\n  <a/>\n  <!-- c -->\n</d>", "", "<d>\n  <a/>\n  <!-- c -->\n  <n/>\n</d>"),
        ("<?xml version='1.0'?><d>\n <a/>\n</d>", "a", None),
        ("  <d><a/></d>", "", "  <d><a/><n/></d>"),
    ],
)
def test_the_last_child_is_laid_out_as_the_document_is(
    before: str, path: str, after: str | None
) -> None:
    wanted = after or before.replace("<a/>", "<a>\n  <n/>\n </a>")
    assert edited(before, path, "<n/>") == wanted


def test_a_missing_parent_is_made_when_asked() -> None:
    with pytest.raises(XmlEditError, match="there is no <spice> in <features>"):
        edited(DOMAIN, "features/spice/x", "<a/>")
    text = edited(DOMAIN, "features/spice/x", "<a/>", create=True)
    wanted = (
        "<features>\n    <spice>\n      <x>\n        <a/>\n      </x>\n    </spice>\n  </features>"
    )
    assert text == DOMAIN.replace("<features/>", wanted)


@pytest.mark.parametrize(
    "xml", ["<a>one<b/>\n</a>", "<a><b/><!-- c --></a>", "<a>\n\n</a>", "<a><![CDATA[\n]]></a>"]
)
def test_what_is_no_mere_layout_is_inserted_as_given(xml: str) -> None:
    assert edited(DOMAIN, "features", xml) == DOMAIN.replace(
        "<features/>", f"<features>\n    {xml}\n  </features>"
    )


def test_a_removal_takes_the_line_with_it() -> None:
    document = Document(DOMAIN)
    console, argument = document.find("devices/console"), document.find("qemu:commandline/qemu:arg")
    assert console is not None
    assert argument is not None
    assert document.remove(console) == DOMAIN.replace("    <console type='pty'/>\n", "")
    assert document.remove(argument) == DOMAIN.replace("    <qemu:arg value='-s'/>\n", "")


def test_a_value_keeps_its_quotes() -> None:
    document = Document(DOMAIN)
    memory = document.findall("memory")[0]
    text = document.set_attribute(memory, "unit", 'a"b')
    assert text == DOMAIN.replace('"KiB"', '"a&quot;b"')
    assert document.set_attribute(memory, "dump", "on") == DOMAIN.replace(
        '"KiB"', "\"KiB\" dump='on'"
    )


# --- what is refused

LAUGHS = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "line 1 column 13: a DTD is not allowed"),
        ("<a>\n<!DOCTYPE a></a>", "line 2 column 3"),
        ("", "line 1 column 1: no element found"),
        ("<a>\n <b></a>", "line 2 column 7: mismatched tag"),
        ("<a>\n&no;</a>", "line 2 column 1: undefined entity"),
        ("<a b='1' b='2'/>", "line 1 column 10: duplicate attribute"),
        ("<a b='<'/>", "not well-formed"),
        ("<a>\0</a>", "line 1 column 4: not well-formed"),
        ("<a>\n é\udc80</a>", "line 2 column 3: a lone surrogate"),
        ("<a/><b/>", "line 1 column 5: junk after document element"),
    ],
    ids=str,
)
def test_a_document_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(XmlEditError, match=words) as error:
        Document(text)
    assert "\n" not in str(error.value)


def test_the_size_of_a_document_is_bounded() -> None:
    with pytest.raises(XmlEditError, match="deeper than 256"):
        Document("<a>" * (xml_tree.MAX_DEPTH + 1))
    with pytest.raises(XmlEditError, match="more than 100000 elements"):
        Document(f"<a>{'<b/>' * xml_tree.MAX_ELEMENTS}</a>")
    with pytest.raises(XmlEditError, match="4096 KiB is too big"):
        Document(" " * (xml_tree.MAX_CHARS + 1))


@given(st.text(st.sampled_from("<>/!?'\"=& \nab;-[]é\0\udc80"), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert "\n" not in _complaint(text)


def _complaint(text: str) -> str:
    try:
        return "" if Document(text).text == text else "\n"
    except XmlEditError as error:
        return str(error)


def test_the_deepest_document_can_be_edited() -> None:
    depth = xml_tree.MAX_DEPTH
    text = "<a>" * depth + "</a>" * depth
    lowest = list(Document(text).root.iter())[-1]
    assert edited("<d>\n</d>", "", text).count("\n") == 2 * depth
    with pytest.raises(XmlEditError, match="another document"):
        Document(text).set_text(lowest, "")


@pytest.mark.parametrize("xml", ["", "text", "<a/><b/>", "<a/> x", "<!-- c --><a/>", "<a", LAUGHS])
def test_only_one_whole_element_is_inserted(xml: str) -> None:
    document = Document(DOMAIN)
    with pytest.raises(XmlEditError):
        document.insert("devices", xml)
    with pytest.raises(XmlEditError):
        document.replace(document.root.children[0], xml)


def test_an_element_of_another_reading_is_refused() -> None:
    document, other = Document(DOMAIN), Document(DOMAIN)
    node, devices = other.root.children[0], document.find("devices")
    assert devices is not None
    edits: list[Callable[[], str]] = [
        lambda: document.remove(node),
        lambda: document.replace(node, "<a/>"),
        lambda: document.set_attribute(node, "a", "b"),
        lambda: document.remove_attribute(node, "a"),
        lambda: document.set_text(node, "a"),
        lambda: document.insert(node, "<a/>"),
        lambda: document.insert(devices, "<a/>", after=node),
    ]
    for edit in edits:
        with pytest.raises(XmlEditError):
            edit()


@pytest.mark.parametrize("name", ["", "a b", "a='1' b", "-a", "a>", "xmlns:", "é"])
def test_a_name_that_would_break_the_tag_is_refused(name: str) -> None:
    document = Document(DOMAIN)
    with pytest.raises(XmlEditError, match="no name of an attribute"):
        document.set_attribute(document.root, name, "1")


@pytest.mark.parametrize("char", ["\0", "\x1b", "\ud800", "\ufffe"])
def test_what_xml_cannot_hold_is_refused(char: str) -> None:
    with pytest.raises(XmlEditError, match=rf"U\+{ord(char):04X}"):
        escape_text(f"a{char}")
    with pytest.raises(XmlEditError):
        element("a", {"b": char})


def test_values_are_escaped() -> None:
    assert element("a", {"b": "'\"<>&\t\n\r"}, escape_text("<&>\r\n")) == (
        "<a b='&apos;&quot;&lt;&gt;&amp;&#9;&#10;&#13;'>&lt;&amp;&gt;&#13;\n</a>"
    )
    assert element("a", {}) == "<a/>"


def test_paths_lead_to_every_element_of_the_name() -> None:
    root = Document(DOMAIN).root
    assert [node.tag for node in root.findall("devices/console")] == ["console"]
    assert root.findall("") == (root,)
    assert root.find("devices/none/x") is None
    serial = root.find("devices/serial")
    assert serial is not None
    assert (serial.get("type"), serial.get("mode"), serial.line) == ("pty", None, 6)


def test_no_difference_has_no_lines() -> None:
    assert diff(DOMAIN, DOMAIN) == ()
