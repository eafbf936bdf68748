"""Documents of metrics: vhostmd's bytes, what it breaks, and what a hostile one may cost."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.metrics.dtd import validate
from vconsole.features.metrics.model.document import (
    Metric,
    MetricTypeError,
    display,
    parse,
    render,
    render_for_domain,
    render_reply,
    typed,
)
from vconsole.features.metrics.model.parser import MAX_BYTES, MAX_VALUE_CHARS

DATA = Path(__file__).parents[1] / "data" / "vhostmd"
ORIGINAL = (DATA / "vhostmd0.xml").read_bytes()
REPLY = (DATA / "virtio-vm1.response").read_bytes()
UUID = "11111111-1111-4111-8111-111111111111"
HOST = Metric("HostName", "kvm1")
OWN = Metric("Mem", "512", "uint64", "vm", "MiB", 1, UUID)
OTHER = Metric("Mem", "1024", "uint64", "vm", "MiB", 2, UUID.replace("1", "2"))


def raw_metrics(document: bytes) -> list[Metric]:
    """The metrics of a well-formed document, values as they stand there."""
    return [
        Metric(
            element.findtext("name", ""),
            element.findtext("value", ""),
            element.get("type", ""),
            element.get("context", ""),
            element.get("unit"),
            int(element.get("id", "0")) or None,
            element.get("uuid"),
        )
        for element in ElementTree.fromstring(document)
    ]


def document(value: str, name: str = "N") -> bytes:
    """A document as vhostmd writes it: nothing is escaped."""
    return (
        "<metrics>\n  <metric type='string' context='host'>\n"
        f"    <name>{name}</name>\n    <value>{value}</value>\n  </metric>\n</metrics>\n"
    ).encode()


# Written


def test_the_same_metrics_make_the_same_bytes() -> None:
    assert render(raw_metrics(ORIGINAL), compat_newline=True) == ORIGINAL


def test_a_value_ends_without_a_line_feed_unless_asked_for() -> None:
    assert render(raw_metrics(ORIGINAL)) == ORIGINAL.replace(b"\n</value>", b"</value>")


def test_what_would_break_a_document_is_escaped() -> None:
    hostile = Metric("a<b>", "1 & 2\r\0\x1b]0;\ud800", "string", "host", "'>\n")
    assert render([hostile]) == (
        b"<metrics>\n  <metric type='string' context='host' unit='&apos;&gt;&#10;'>\n"
        b"    <name>a&lt;b&gt;</name>\n"
        b"    <value>1 &amp; 2&#13;\xef\xbf\xbd\xef\xbf\xbd]0;\xef\xbf\xbd</value>\n"
        b"  </metric>\n</metrics>\n"
    )


def test_a_domain_sees_the_host_and_itself() -> None:
    metrics = (OTHER, OWN, HOST)
    assert parse(render_for_domain(metrics, UUID)).metrics == (HOST, OWN)


def test_a_reply_is_the_document_and_an_empty_line() -> None:
    metrics = [m for m in raw_metrics(REPLY) if not m.name.startswith("FromXml")]
    by_hand = REPLY[
        REPLY.index(b'<metric type="') : REPLY.index(
            b"  <metric type='string' context='host'>\n    <name>ShortA"
        )
    ]
    assert render_reply(metrics, UUID, compat_newline=True) == REPLY.replace(by_hand, b"")


def test_a_reply_says_what_is_missing() -> None:
    assert render_reply((), UUID) == (
        b"<metrics>\n<!-- host metrics not available --><!-- VM metrics not available -->"
        b"</metrics>\n\n"
    )
    found = parse(render_reply((HOST,), UUID))
    assert found.metrics == (HOST,)
    assert found.warnings == ("line 6, column 1: VM metrics not available",)


def test_an_empty_line_in_a_value_does_not_end_the_reply() -> None:
    value = "a\n\n\n\nb"
    reply = render_reply((Metric("N", value),), UUID)
    assert reply.count(b"\n\n") == 1
    assert parse(reply).metrics == (Metric("N", value),)


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=32),
    min_size=1,
    max_size=40,
).map(str.strip)
METRICS = st.builds(
    Metric,
    TEXT.filter(bool),
    TEXT,
    st.sampled_from(["int32", "uint64", "real64", "string"]),
    st.sampled_from(["host", "vm"]),
    st.none() | TEXT.filter(bool),
    st.none() | st.integers(0, 10**9),
    st.none() | st.uuids().map(str),
)


@given(st.lists(METRICS, max_size=5))
def test_what_is_written_is_read(metrics: list[Metric]) -> None:
    found = parse(render(metrics))
    assert (found.metrics, found.warnings, found.error) == (tuple(metrics), (), None)


@given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=20))
def test_any_text_makes_a_valid_document(value: str, name: str) -> None:
    assert validate(render([Metric(name, value, unit=value)])) == ()


# Read


def test_an_original_document() -> None:
    found = parse(ORIGINAL)
    assert found.error is None
    assert len(found.metrics) == 13
    assert found.metrics[0] == Metric("TotalCPUTime", "1731.470000", "real64", unit="s")
    assert found.metrics[-1] == Metric(
        "TotalCPUTime",
        "1795244418.6",
        "real64",
        "vm",
        "s",
        1,
        "6695eb01-f6a4-8304-79aa-97f2502e193f",
    )
    assert found.warnings == (
        "line 5, column 1: blanks or line feeds around a name or value (and 9 more)",
    )


def test_a_reply_with_elements_of_another_hand() -> None:
    metrics = {m.name: m for m in parse(REPLY).metrics}
    assert len(metrics) == 20
    assert metrics["FromXml1"] == Metric("FromXml1", "10", "uint64")
    assert metrics["Utf8"].value == "café"


@pytest.mark.parametrize(
    ("value", "read", "warning"),
    [
        ("a & b", "a & b", "line 4, column 14: & is not escaped"),
        ("a &amp; b & c", "a & b & c", "line 4, column 22: & is not escaped"),
        ("1 < 2 <b>x</b>", "1 < 2 <b>x</b>", "line 4, column 14: < is not escaped (and 2 more)"),
        ("a]]>b", "a]]>b", "line 4, column 13: ]]> is not escaped"),
        ("a\0b", "ab", "line 4, column 13: a NUL byte"),
        ("a\x1bb", "a\ufffdb", "line 4, column 13: a character that XML forbids"),
    ],
)
def test_what_vhostmd_breaks_is_shown_all_the_same(value: str, read: str, warning: str) -> None:
    found = parse(document(value))
    assert found.metrics == (Metric("N", read),)
    assert (found.warnings, found.error) == ((warning,), None)


def test_text_that_is_not_utf_8() -> None:
    found = parse(document("?").replace(b"?", b"caf\xe9"))
    assert found.metrics[0].value == "caf\ufffd"
    assert found.warnings == ("line 4, column 15: text that is not UTF-8",)


def test_a_well_formed_document_is_not_mended() -> None:
    found = parse(document("<![CDATA[a & <b>]]>"))
    assert (found.metrics, found.warnings) == ((Metric("N", "a & <b>"),), ())


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "the document is empty"),
        (b" " * (MAX_BYTES + 1), "the document is longer than 4 MiB"),
        (b"<metrics>\n", "line 2, column 1: no element found"),
        (b"metrics", "line 1, column 1: syntax error"),
        (b"<metric/>", "line 1, column 1: <metric> does not belong here"),
        (b"<other/>", "line 1, column 1: <other> does not belong here"),
        (b"<metrics/>\n<other/>", "line 2, column 1: junk after document element"),
        (b"<metrics>\n <metrics/>", "line 2, column 2: <metrics> does not belong here"),
        (document("<name>"), "line 4, column 12: <name> does not belong here"),
        (document("&#0;"), "line 4, column 12: reference to invalid character number"),
        (b"<!DOCTYPE m [<!ENTITY a 'b'>]>\n<metrics/>", "line 1, column 13: a DOCTYPE, which"),
        ("<!DOCTYPE m []><metrics/>".encode("utf-16"), "not well-formed"),
        (
            b"<metrics>" + b"<metric %s/>" % b"".join(b"a%d='' " % i for i in range(17)),
            "attributes",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(content: bytes, error: str) -> None:
    found = parse(content)
    assert found.metrics == ()
    assert error in (found.error or "")


def test_what_stands_before_a_break_is_shown() -> None:
    found = parse(ORIGINAL[: ORIGINAL.index(b"FaultRate")])
    assert [m.name for m in found.metrics] == ["TotalCPUTime", "PageInRate"]
    assert found.error == "line 12, column 15: no element found"


def test_elements_and_attributes_of_a_later_version_are_passed_over() -> None:
    later = document("1").replace(b"context", b"colour='red' context")
    assert parse(later).metrics == (Metric("N", "1"),)
    later = later.replace(b"<name>", b"<note>x</note><name>")
    assert parse(later).metrics == (Metric("N", "1"),)


def test_a_metric_that_lacks_something() -> None:
    found = parse(
        b"<metrics><metric><name>a</name></metric>"
        b"<metric id='x'><value>1</value><name>b</name></metric></metrics>"
    )
    assert found.metrics == (Metric("b", "1", "", ""),)
    assert [w.partition(": ")[2] for w in found.warnings] == [
        "a metric without a name or a value is left out",
        "a domain's id that is no number",
    ]


def test_a_long_value_is_cut() -> None:
    assert parse(document("x" * MAX_VALUE_CHARS)).warnings == ()
    found = parse(document("x" * (MAX_VALUE_CHARS + 1)))
    assert found.metrics[0].value == "x" * MAX_VALUE_CHARS
    assert "cut after 8192 characters" in found.warnings[0]


def test_ten_thousand_metrics() -> None:
    metrics = [
        Metric(f"Metric{i}", str(i), "uint64", "vm", "MiB", i // 20, f"{i // 20:036}")
        for i in range(10_000)
    ]
    content = render(metrics)
    found = parse(content)
    assert found.metrics == tuple(metrics)


def filled(unit: bytes, start: bytes = b"<metrics>\n") -> bytes:
    return (start + unit * (MAX_BYTES // len(unit)))[:MAX_BYTES]


@pytest.mark.parametrize(
    "content",
    [
        filled(b"&&&&\n"),
        filled(b"<"),
        filled(b"\n"),
        filled(bytes(range(256))),
        filled(b"<metric><name>a</name><value/></metric>"),
        filled(b"<metric><name>\xf0\x9f\x98\x80%s</name><value/></metric>" % (b"x" * 7000)),
        filled(b"\xf0\x9f\x98\x80", b"<metrics><metric><name>"),
        filled(b"x", b"<metrics><!--"),
        filled(b"a='' ", b"<metrics><metric "),
        b"<metrics>" + b"".join(b"<metric a%d=''/>" % i for i in range(250_000)),
        b"<metrics>"
        + b"".join(
            b"<metric type='%d'><name>%d</name><value/></metric>" % (i, i) for i in range(60_000)
        ),
    ],
    ids="amp lt lf bytes metrics wide endless comment tag attributes distinct".split(),
)
def test_no_document_costs_more_than_its_bounds(content: bytes) -> None:
    tracemalloc.start()
    found = parse(content)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.error is not None
    assert len(found.error) < 200
    assert peak_bytes < (8 << 20) - MAX_BYTES  # the content itself is there as well


@given(st.binary(max_size=400) | st.text("<>/&;metricsnv'=# \n", max_size=200).map(str.encode))
def test_no_bytes_crash_the_reader(content: bytes) -> None:
    found = parse(content)
    assert found.error is None or found.error.isprintable()


# Values


@pytest.mark.parametrize(
    ("kind", "value", "number"),
    [
        ("int32", "-2147483648", -(2**31)),
        ("uint32", "4294967295", 2**32 - 1),
        ("int64", "+7", 7),
        ("uint64", "18446744073709551615", 2**64 - 1),
        ("UINT64", "0", 0),
        ("real32", "1e3", 1000.0),
        ("real64", ".5", 0.5),
        ("real64", "-1795244418.6", -1795244418.6),
        ("string", " 1 ", " 1 "),
    ],
)
def test_a_value_is_what_its_type_says(kind: str, value: str, number: object) -> None:
    found = typed(Metric("N", value, kind))
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("int32", "abc", "N: 'abc' is no int32"),
        ("int32", "2147483648", "N: '2147483648' is no int32 (-2147483648 to 2147483647)"),
        ("uint32", "-1", "N: '-1' is no uint32 (0 to 4294967295)"),
        ("uint64", str(2**64), "is no uint64 (0 to 18446744073709551615)"),
        ("uint64", "32.000000", "N: '32.000000' is no uint64"),
        ("int64", "٣", "is no int64"),
        ("int64", "1_000", "is no int64"),
        ("int64", "9" * 5000, "…' is no int64"),
        ("real64", "nan", "N: 'nan' is no real64"),
        ("real64", "inf", "is no real64"),
        ("real64", "1e999", "is no real64"),
        ("real32", "1e39", "N: '1e39' is no real32"),
        ("real32", "", "N: '' is no real32"),
        ("group", "1", "N: group is no type of a metric"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_named(kind: str, value: str, reason: str) -> None:
    with pytest.raises(MetricTypeError) as caught:
        typed(Metric("N", value, kind))
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 140


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        (Metric("N", "20363", "uint64", unit="MiB"), "20,363 MiB"),
        (Metric("N", "-1234567", "int32"), "-1,234,567"),
        (Metric("N", "1731.470000", "real64", unit="s"), "1,731.47 s"),
        (Metric("N", "0.000000", "real64"), "0"),
        (Metric("N", "1e300", "real64"), "1e+300"),
        (Metric("N", "0.0000001", "real64"), "1e-07"),
        (Metric("N", "abc", "int32", unit="KiB"), "abc KiB"),
        (Metric("N", "12345"), "12345"),
    ],
)
def test_values_as_a_human_reads_them(metric: Metric, shown: str) -> None:
    assert display(metric) == shown


# The DTD


def test_an_original_document_is_valid() -> None:
    assert validate(ORIGINAL) == ()
    assert validate(REPLY) == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (ORIGINAL.replace(b"'uint32'", b"'int8'", 1), 'line 40: Value "int8"'),
        (ORIGINAL.replace(b"<name>", b"<nom>").replace(b"</name>", b"</nom>"), "line 2: Element"),
        (document("a & b"), "line 4"),
        (b"<!DOCTYPE metrics SYSTEM '/etc/passwd'><metrics/>", "DOCTYPE of its own"),
        ("<!DOCTYPE metrics [<!ENTITY a 'b'>]><metrics/>".encode("utf-16"), "expected"),
        (b"", "empty"),
        (b"x" * (MAX_BYTES + 1), "longer than 4 MiB"),
    ],
)
def test_what_the_dtd_forbids_is_named(content: bytes, problem: str) -> None:
    assert problem in validate(content)[0]


def test_lxml_is_loaded_for_the_first_validation_only() -> None:
    code = (
        "import sys; from vconsole.features.metrics import dtd as d\n"
        "from vconsole.features.metrics.model.document import parse; parse(b'<metrics/>')\n"
        "assert 'lxml' not in sys.modules; d.validate(b'<metrics/>'); assert 'lxml' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
