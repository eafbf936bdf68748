"""The demo's images have chains and answers, though no file holds them."""

from __future__ import annotations

from typing import Any

import pytest

from vconsole.features.storage.demo import ask_image, read_image
from vconsole.features.storage.image_words import answer_lines
from vconsole.features.storage.model.images import (
    AskImage,
    ReadImage,
    ask_check,
    ask_compare,
    ask_map,
    ask_measure,
)
from vconsole.host.demo.fleet import IMAGES
from vconsole.host.demo.storage import images

WEB = f"{IMAGES}/web-02.qcow2"


def test_every_image_has_its_chain_to_the_end() -> None:
    for path in images():
        chain: Any = read_image(ReadImage(path)).value
        assert chain.images[0].path == path
        assert not chain.images[-1].backing
        assert not chain.problem
    of_web: Any = read_image(ReadImage(WEB)).value
    assert len(of_web.images) == 2


@pytest.mark.parametrize(
    "asked", [ask_check(WEB, "qcow2"), ask_map(WEB, ""), ask_measure(WEB, "", "raw")]
)
def test_what_is_asked_is_answered_as_qemu_img_does(asked: AskImage) -> None:
    text = ask_image(asked).value
    assert isinstance(text, str)
    assert answer_lines(asked.kind, text)


def test_nothing_can_be_compared_and_others_are_asked_for_in_truth() -> None:
    assert ask_image(ask_compare("/nowhere", "raw", WEB, "qcow2")).status == "failed"
    assert read_image(ReadImage("/nowhere/of/the/demo")).status == "failed"
