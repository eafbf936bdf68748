"""What qemu-img would say of the demo's images, which are in no file; of others it is asked."""

from __future__ import annotations

import json
from typing import Final

from vconsole.features.storage.host import images as real
from vconsole.features.storage.model.images import AskImage, Chain, Image, ReadImage
from vconsole.host.demo.storage import Volume, images
from vconsole.model.request import Reply

_CLUSTER: Final = 1 << 16


def read_image(request: ReadImage) -> Reply:
    """Answer the chain of an image of the demo."""
    known, path, found = images(), request.path, list[Image]()
    if path not in known:
        return real.read_image(request)
    while volume := known.get(path):
        found.append(_image(path, volume))
        path = volume.base
    return Reply(value=Chain(tuple(found)))


def _image(path: str, volume: Volume) -> Image:
    return Image(
        path,
        _format(volume),
        volume.capacity,
        volume.held,
        _CLUSTER if volume.kind == "qcow2" else None,
        backing=volume.base,
        backing_path=volume.base,
        backing_format="qcow2" if volume.base else "",
    )


def _format(volume: Volume) -> str:
    return "raw" if volume.kind == "iso" else volume.kind


def ask_image(request: AskImage) -> Reply:
    """Answer a check, a map, or how large a copy is."""
    volume = images().get(request.argv[-1])
    if volume is None:
        return real.ask_image(request)
    if request.kind == "check":
        clusters = volume.capacity // _CLUSTER, volume.held // _CLUSTER
        counts = dict(zip(("total-clusters", "allocated-clusters"), clusters, strict=True))
        return Reply(value=json.dumps({"check-errors": 0, **counts}))
    if request.kind == "measure":
        sizes = {"required": volume.held + _CLUSTER, "fully-allocated": volume.capacity + _CLUSTER}
        return Reply(value=json.dumps(sizes))
    if request.kind == "map":
        parts = ((0, volume.held, True), (volume.held, volume.capacity - volume.held, False))
        return Reply(value=json.dumps([_part(*part) for part in parts]))
    return Reply("failed", "the demo's images hold nothing that can be compared")


def _part(start: int, length: int, data: bool) -> dict[str, object]:
    return {"start": start, "length": length, "data": data, "zero": not data}
