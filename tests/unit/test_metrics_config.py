"""vhostmd.conf: what is taken, what is said of the rest, and edits that touch one element."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.vhostmd_conf import HEAD, conf, group, metric
from vconsole.features.metrics.dtd import RELEASES, refusals
from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.config import PROFILES, parse, profile
from vconsole.features.metrics.model.config_edit import ConfigDocument
from vconsole.features.metrics.model.spec import MetricSpec, Settings, Variable, Virtio
from vconsole.features.metrics.model.stock import same_builtin, twin_words

OLD_VIRTIO = (
    "    <virtio>\n      <max_channels>7</max_channels>\n"
    "      <expiration_time>99</expiration_time>\n    </virtio>\n"
)
NEW_VIRTIO = OLD_VIRTIO.replace("<max_", "<channel_path>/run/x</channel_path>\n      <max_", 1)


def problem(data: bytes) -> str:
    with pytest.raises(ConfigError) as error:
        parse(data)
    assert "\n" not in str(error.value)
    return str(error.value)


# -- what is taken ---------------------------------------------------------------------------------


def test_everything_a_file_says() -> None:
    config = parse(
        conf(
            metric("A", "\n  echo a\n", "uint64", "vm", ' unit="MiB"'),
            group("G", "echo 1,2", ("X", "int32"), ("Y", "string")),
            metric("M", "echo", "xml"),
            disk="/tmp/disk",
            size='<size unit="Mbyte"> 2 </size>',
            period=" 60s",
            virtio=NEW_VIRTIO,
            transports=("VBD", "virtio-serial"),
        )
    )
    assert (config.disk_path, config.disk_bytes, config.period_s) == ("/tmp/disk", 2 << 20, 60)
    assert (config.path, config.transports) == ("/usr/bin:/bin", ("vbd", "virtio"))
    assert config.virtio == Virtio("/run/x", 7, 180)
    assert config.settings == Settings()
    first, second, third = config.metrics
    assert first == MetricSpec("A", "uint64", "vm", "\n  echo a\n", "MiB")
    assert first.line == 21
    assert second.variables == (Variable("X", "int32"), Variable("Y", "string"))
    assert (third.type, third.builtin) == ("xml", None)


@pytest.mark.parametrize("virtio", ["", OLD_VIRTIO, NEW_VIRTIO, "<virtio/>"])
def test_files_of_every_release_are_taken(virtio: str) -> None:
    assert parse(conf(virtio=virtio)).virtio.max_channels in (7, 1024)


def test_what_is_missing_has_vhostmd_s_defaults() -> None:
    config = parse(
        b"<vhostmd><metrics/><globals><update_period>2</update_period><disk>"
        b'<size unit="k">64</size></disk></globals></vhostmd>'
    )
    assert (config.disk_path, config.path) == ("/dev/shm/vhostmd0", None)
    assert (config.transports, config.virtio) == (("vbd",), Virtio(None, 1024, 15))


def test_text_in_other_encodings() -> None:
    data = conf(metric("A", "echo é"))
    latin = data.decode().replace('"1.0"', '"1.0" encoding="ISO-8859-1"').encode("latin-1")
    assert parse(latin).metrics == parse(data).metrics
    assert parse(b"\xef\xbb\xbf" + data).metrics == parse(data).metrics
    assert parse(data.replace(b"\n", b"\r\n")).period_s == 5


def test_settings_that_vhostmd_does_not_see() -> None:
    text = (
        "<?vconsole domain-disks='yes' action-timeout-s=\"1.5\"?>\n"
        "<?vconsole parallel-actions='9'?>\n"
    )
    settings = parse(conf(settings=text)).settings
    assert settings == Settings(domain_disks=True, action_timeout_s=1.5, parallel_actions=9)
    assert not parse(conf(settings=f"<!-- {text} -->")).settings.domain_disks
    assert refusals(conf(settings=text)) == {}


# -- what is said of the rest ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (conf(size="<size>256</size>"), "line 8: <size>: needs the attribute unit, k or M"),
        (conf(size='<size unit="b">256</size>'), "line 8: <size>: needs the attribute unit"),
        (conf(size='<size unit="k">lots</size>'), "line 8: <size>: 'lots' is not a number"),
        (conf(size='<size unit="k">0</size>'), "line 8: <size>: 0 bytes are not between 1024 and"),
        (conf(size='<size unit="M">257</size>'), "line 8: <size>: 269484032 bytes are not between"),
        (conf(period="0"), "line 10: <update_period>: 0 is not between 1 and 86400 seconds"),
        (conf(period=""), "line 10: <update_period>: '' is not a number"),
        (conf(virtio="<virtio><speed>1</speed></virtio>"), "line 10: <speed>: is not known in"),
        (conf(metric("A", "x", "float")), "line 15: <metric>: type 'float' is none of int32, "),
        (conf(metric("A", "x", context="guest")), "line 15: <metric>: context 'guest' is neither"),
        (conf(metric(" ", "x")), "line 16: <name>: is empty"),
        (conf(metric("A", "  ")), "line 17: <action>: is empty"),
        (conf(metric("A", "builtin:B")), "line 17: <action>: no built-in 'B'; in context host are"),
        (conf(metric("A", "builtin:Time", context="vm")), "line 17: <action>: no built-in 'Time'"),
        (conf(metric("A", "Builtin:A")), "line 17: <action>: a shell would be asked for it: is it"),
        (
            conf().replace(b"<vhostmd>", b'<?VConsole domain-disks="yes"?><vhostmd>'),
            "line 3: <?VConsole?>: is it <?vconsole?",
        ),
        (conf(group("G", "x", ("V", "group"))), "line 18: <variable>: type 'group' is none of"),
        (conf("<metrics/>"), "line 15: <metrics>: is not known in <metrics>"),
        (conf().replace(b"vhostmd>", b"vhost>"), "line 3: <vhost>: the document element must be"),
        (conf().replace(b"<path>", b"<path/><path>", 1), "needs one"),
        (conf(settings="<?vconsole disks='yes'?>\n"), "line 3: <?vconsole?>: there is no setting"),
        (conf(settings="<?vconsole domain-disks?>\n"), "line 3: <?vconsole?>: is not written as"),
        (conf(settings="<?vconsole domain-disks='1'?>\n"), "'1' is neither yes nor no"),
        (conf(settings="<?vconsole parallel-actions='0'?>\n"), "'0' is out of range"),
        (conf(settings="<?vconsole action-timeout-s='nan'?>\n"), "'nan' is out of range"),
        (
            conf("    <?vconsole-disabled <a/>?>\n"),
            "line 15: <vconsole-disabled>: holds no <metric>",
        ),
        (conf()[:-5], "XML line 16 column 1: unclosed token"),
        (b"", "XML line 1"),
        (conf().replace(b"<disk>", b"<disk>\xff", 1), "line 5: <vhostmd>: is not utf-8 text"),
        (conf().decode().encode("utf-16"), "is not utf-8 text"),
        (b"x" * (1 << 21), "longer than 1024 KiB"),
    ],
)
def test_errors_name_line_and_element(data: bytes, said: str) -> None:
    assert said in problem(data)


def test_a_dtd_within_the_file_is_refused_before_it_can_grow() -> None:
    bomb = '<!DOCTYPE vhostmd [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    data = conf().decode().replace('<!DOCTYPE vhostmd SYSTEM "vhostmd.dtd">', bomb).encode()
    assert "a DTD is not allowed" in problem(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (conf(size='<size unit="k">100</size>'), "line 8: <size>: readers need blocks of 64 KiB"),
        (conf(transports=("vbd", "carrier-pigeon")), "<transport>: 'carrier-pigeon' is none of"),
        (conf(virtio=OLD_VIRTIO, period="60"), "<expiration_time>: 180 s are used"),
        (conf(metric("A", "a"), metric("A", "b")), "line 19: <metric>: A is there twice"),
        (conf(group("G", "x")), "<metric>: G: a group without variables says nothing"),
        (
            conf(metric("A", "echo HOSTNAME", context="vm")),
            "<action>: A: HOSTNAME is left as it is; vhostmd would replace NAME in it",
        ),
        (
            conf(metric("A", "awk '/NAME/'", context="vm")),
            "not run for domains with unusual names: NAME: it goes to a command that takes code",
        ),
    ],
)
def test_what_is_taken_with_a_warning(data: bytes, said: str) -> None:
    assert said in "\n".join(parse(data).warnings)


def test_a_file_without_peculiarities_has_no_warnings() -> None:
    same_name = metric("A", "echo NAME", context="vm")
    assert parse(conf(metric("A", "echo HOSTNAME"), same_name)).warnings == ()


# -- our own configurations ------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_our_own_configurations_are_valid_for_every_vhostmd(name: str) -> None:
    data = profile(name)
    assert refusals(data) == {}
    config = parse(data)
    assert config.warnings == ()
    assert all(spec.builtin for spec in config.metrics)


def test_sap_wants_a_minute_and_no_units() -> None:
    config = parse(profile("sap"))
    contexts = [spec.context for spec in config.metrics]
    assert (config.period_s, contexts.count("host"), contexts.count("vm")) == (60, 13, 4)
    assert {spec.unit for spec in config.metrics} == {""}
    types = {(s.name, s.context): s.type for s in config.metrics}
    assert types["Time", "host"] == types["PagedInMemory", "host"] == "uint64"
    assert types["ResourceProcessorLimit", "vm"] == "uint32"


# -- what vhostmd would say ------------------------------------------------------------------------


def test_each_release_has_its_own_grammar() -> None:
    assert refusals(conf()) == {}
    assert list(refusals(conf(virtio=OLD_VIRTIO))) == ["after 1.2"]
    found = refusals(conf(virtio=NEW_VIRTIO))
    assert list(found) == ["1.2"]
    assert found["1.2"].startswith("line 10: ")
    without = conf().decode().replace(HEAD, "").encode()
    assert refusals(without) == dict.fromkeys(RELEASES, "it has no <!DOCTYPE>")


CPU_TIME = "virsh CONNECT dominfo NAME | sed 's/: */:/' | \\\n gawk -F: '/CPU time/ {print $2;}'"
REPLACE = '<?vconsole replace-stock-actions="yes"?>'


def test_commands_that_are_built_in_as_well_are_named_with_what_they_cost() -> None:
    stock = (metric("Short", "hostname -s"), group("PageRates", "pagerate.pl", ("X", "uint64")))
    own = metric("CPU", CPU_TIME, context="vm")
    found = twin_words(parse(conf(*stock, own, metric("Mine", "echo 1"))))
    assert found == (
        "saves 2 commands and 1 for each domain in every update; "
        "built in as well: Short, PageRates, CPU (vm)"
    )
    assert twin_words(parse(conf(metric("Mine", "echo 1")))) == ""
    assert twin_words(parse(conf(*stock, settings=REPLACE))) == ""
    only = twin_words(parse(conf(own)))
    assert only.startswith("saves 1 for each domain in every update; ")


def test_stock_actions_are_known_however_they_are_laid_out() -> None:
    action = "\n    virsh CONNECT hostname |\n tr -d '[:space:]'\n"
    assert same_builtin(MetricSpec("H", "string", "host", action)) == "HostName"
    assert same_builtin(MetricSpec("H", "string", "vm", action)) is None
    assert same_builtin(MetricSpec("H", "string", "host", action + "# mine")) is None


# -- edits -----------------------------------------------------------------------------------------

ODD = conf(
    "    <!-- kept -->\n" + metric("A", "echo 'a' && b --c"),
    metric("B", "echo\tb", "uint64", more="\n      unit = 'KiB'"),
    group("G", "x", ("V", "int32")),
    settings="<!-- mine -->\n",
)


def changes(before: bytes, after: bytes) -> list[str]:
    pair = (before.decode().split("\n"), after.decode().split("\n"))
    return list(difflib.unified_diff(*pair, n=0, lineterm=""))[3:]


def test_switching_a_metric_off_and_on_gives_the_same_bytes() -> None:
    for data in (ODD, ODD.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + ODD):
        for number in range(3):
            off = ConfigDocument(data).set_enabled(number, False)
            config = parse(off)
            assert [spec.enabled for spec in config.metrics].count(False) == 1
            assert [s.name for s in config.metrics] == ["A", "B", "G"]
            assert config.metrics[number] not in config.enabled
            assert refusals(off) == {}
            assert ConfigDocument(off).set_enabled(number, True) == data
            assert ConfigDocument(off).set_enabled(number, False) == off


def test_a_changed_metric_differs_only_where_it_was_changed() -> None:
    document = ConfigDocument(ODD)
    spec = document.config.metrics[1]
    assert changes(ODD, document.replace(1, replace(spec, action="echo <b>"))) == [
        "-      <action>echo\tb</action>",
        "+      <action>echo &lt;b&gt;</action>",
    ]
    assert changes(ODD, document.replace(1, replace(spec, unit="MiB"))) == [
        "-      unit = 'KiB'>",
        "+      unit = 'MiB'>",
    ]
    other = replace(spec, name="C", type="string", context="vm", unit="")
    assert parse(document.replace(1, other)).metrics[1] == other


def test_a_metric_that_is_off_can_be_changed_and_removed() -> None:
    off = ConfigDocument(ODD).set_enabled(0, False)
    document = ConfigDocument(off)
    changed = document.replace(0, replace(document.config.metrics[0], name="Z"))
    assert next((s.name, s.enabled) for s in parse(changed).metrics) == ("Z", False)
    assert [s.name for s in parse(document.remove(0)).metrics] == ["B", "G"]


def test_metrics_come_and_go() -> None:
    spec = MetricSpec("N", "group", "host", "a < b", "x,y", (Variable("P", "string"),))
    more = ConfigDocument(ODD).add(spec)
    assert parse(more).metrics[3] == spec
    assert all(line.startswith("+") for line in changes(ODD, more))
    assert ConfigDocument(more).remove(3) == ODD


def test_settings_are_edited() -> None:
    document = ConfigDocument(ODD)
    once = document.set_setting("domain-disks", "yes")
    assert changes(ODD, once) == ['+<?vconsole domain-disks="yes"?>']
    twice = ConfigDocument(once).set_setting("domain-disks", "no")
    assert changes(ODD, twice) == ['+<?vconsole domain-disks="no"?>']


def test_an_edit_that_would_break_the_file_is_refused() -> None:
    document = ConfigDocument(ODD)
    spec = document.config.metrics[0]
    edits: tuple[Callable[[], bytes], ...] = (
        lambda: document.replace(0, replace(spec, type="float")),
        lambda: document.replace(0, replace(spec, action="a\0b")),
        lambda: document.add(replace(spec, name="")),
        lambda: document.set_setting("domain-disks", "perhaps"),
        lambda: document.set_setting("speed", "yes"),
    )
    for edit in edits:
        with pytest.raises(ConfigError):
            edit()
    tricky = ConfigDocument(conf(metric("A", "echo '?>'").replace("&gt;", ">")))
    with pytest.raises(ConfigError, match="cannot be switched off"):
        tricky.set_enabled(0, False)
    latin = ODD.decode().replace('"1.0"', '"1.0" encoding="latin-1"').encode("latin-1")
    with pytest.raises(ConfigError, match=r"iso8859-1 cannot hold U\+20AC"):
        ConfigDocument(latin).replace(0, replace(spec, action="€"))
