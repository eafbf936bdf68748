"""The metrics disk and vhostmd."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.keys import key
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={
        "metrics": "Metrics",
        "metricsbytes": "Metrics: bytes",
        "metricsattach": "Metrics: who has disk or channel",
        "metricsconfig": "Metrics: vhostmd's configuration",
    },
    commands=(
        Command(
            "app.metrics",
            "5",
            "",
            "Go to the metrics that guests can read about this host.",
            opens="metrics",
            place=10,
            words="vm-dump-metrics sap monitoring",
        ),
        Command(
            "metrics.reader", "v", "as guest", "See all, or what a disk or a channel gives away."
        ),
        Command(
            "metrics.attach", "A", "attach", "Show who has the disk or channel; give and take."
        ),
        Command("metrics.raw", "r", "raw XML", "Show the document as it is read."),
        Command("metrics.hex", "x", "hex", "Show the bytes as they are read."),
        Command(
            "metrics.builtin",
            "b",
            "",
            "Replace the commands that are built in as well; the difference is shown first.",
        ),
        Command(
            "metrics.configure", "c", "configure", "Go to vhostmd's metrics and how it gets them."
        ),
        Command(
            "metrics.service",
            "S",
            "",
            "Go to the service of vhostmd: whether it runs, its journal; start and stop it.",
            words="systemctl enable disable journal chkconfig",
        ),
        Command("metrics.test", "t", "test", "Have vhostmd get the metric now."),
        Command("metrics.filter", "slash", "", "Show only the metrics that match."),
        Command("metrics.open", "enter", "", "Open the domain.", (a_domain,)),
        Command("metricsbytes.raw", "r", "raw XML", "Show the document as it is read."),
        Command("metricsbytes.hex", "x", "hex", "Show the bytes as they are read."),
        Command(
            "metricsattach.attach",
            "plus",
            "attach",
            "Give the domains the device.",
            (writable, a_domain),
        ),
        Command(
            "metricsattach.detach", "minus", "detach", "Take the device away.", (writable, a_domain)
        ),
        Command(
            "metricsattach.select",
            "space",
            "select",
            "Choose the domain, for attaching and detaching.",
        ),
        Command("metricsattach.what", "tab", "disk/channel", "Be about the disk, or the channel."),
        Command("metricsattach.filter", "slash", "filter", "Show only the domains that match."),
        Command("metricsattach.open", "enter", "", "Open the domain.", (a_domain,)),
        Command(
            "metricsconfig.edit", "e,enter", "edit", "Edit the metric in the text of the file."
        ),
        Command("metricsconfig.toggle", "space", "on/off", "Switch the metric on or off."),
        Command("metricsconfig.add", "o", "add", "Add a metric, built in or got by a command."),
        Command("metricsconfig.delete", "d,delete", "delete", "Delete the metric."),
        Command(
            "metricsconfig.builtin",
            "b",
            "",
            "Have the daemon collect itself what it can, or by commands again.",
        ),
        Command("metricsconfig.test", "t", "test", "Get the metric now, as it is edited."),
        Command(
            "metricsconfig.save",
            "ctrl+s",
            "save",
            f"Show what saving changes; {key('filediff.save')} there saves.",
        ),
        Command("metricsconfig.text", "x", "", "Edit the file as text, with what is wrong in it."),
        Command("metricsconfig.editor", "E", "", "Edit the file with $EDITOR."),
        Command("metricsconfig.unedit", "z", "", "Take back the last edit, even a saved one."),
        Command("metricsconfig.clear", "Z", "", "Take back everything that is not saved."),
    ),
    pages={"metrics": "vconsole.screens.metrics.metrics:MetricsScreen"},
    answers=(
        Answer(*(".requests:ReadDisk", ".requests:read_disk"), local=True, demo=".demo:read_disk"),
        Answer(
            *(".requests:ReadDaemon", ".requests:read_daemon"),
            local=True,
            demo=".demo:read_daemon",
        ),
        Answer(".requests:TryMetric", ".requests:try_metric", local=True),
        Answer(
            *(".requests:SaveConfig", ".requests:save_config"),
            changes=True,
            local=True,
            tells="vconsole.files.draft:tell_saved",
        ),
        Answer(".requests:ReadAttachments", ".requests:read_attachments"),
        Answer(".requests:PlanDevices", ".requests:plan_devices"),
    ),
    group="What guests may know",
    daemons={"vhostmd": ".daemon.service"},
    checks={"Metrics": ".cli.doctor:checks"},
    subcommands={"metrics": ".cli.metrics:add_parser"},
)
