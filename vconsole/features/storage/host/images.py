"""Runs qemu-img: as its own process, its output beside its place until it is whole.

Its lock keeps it from images in use; libvirt says who uses them, and what does it there instead.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from vconsole.features.storage.host.files import name_whole, taken_away
from vconsole.features.storage.host.links import follow
from vconsole.features.storage.host.read import path_of, read_users
from vconsole.features.storage.model.images import (
    MOST_IMAGES,
    AskImage,
    Chain,
    Image,
    ImageWork,
    ReadImage,
    ReadRoom,
    Room,
    ask_measure,
    read_info,
)
from vconsole.features.storage.model.pool import ReadUsers
from vconsole.features.storage.model.users import Users
from vconsole.host.link import Link
from vconsole.model.request import Reply

_PERCENT: Final = re.compile(rb"\((\d+\.\d+)/100%\)")
_MISSING: Final = "qemu-img is not installed: its package is qemu-utils, or qemu-img (Fedora)"
_LOCK: Final = "Failed to get"
"""How qemu-img begins to say that another process has an image."""
_LOOK_S: Final = 0.2
_MOST_WORDS: Final = 1 << 16


def _program() -> str:
    """Where qemu-img is.

    Raises:
        FileNotFoundError: It is not installed.
    """
    found = shutil.which("qemu-img")
    if found is None:
        raise FileNotFoundError(_MISSING)
    return found


def _with_us() -> tuple[str, ...]:
    """What has the kernel end it with us, however we end: qemu-img goes on without its reader.

    The signal comes when the thread ends that began it, which waits for it (prctl(2)).
    """
    found = shutil.which("setpriv")
    return (found, "--pdeathsig", "KILL", "--") if found else ()


def _run(argv: tuple[str, ...], timeout_s: float) -> str:
    """What qemu-img prints.

    Raises:
        ValueError: It failed, in its words; or it is not there.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            (_program(), *argv),
            capture_output=True,
            timeout=timeout_s,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError as error:
        raise ValueError(str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"qemu-img did not end within {timeout_s:g} s") from error
    if done.returncode and not done.stdout.strip():
        raise ValueError(_words(done.stderr) or f"qemu-img ended with {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def _words(text: bytes) -> str:
    """qemu-img's own words, without its name."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    return "; ".join(line.removeprefix("qemu-img: ") for line in lines)[:500]


# ---- reading


def read_image(request: ReadImage) -> Reply:
    """Read an image and its chain, image by image: a missing base or a loop ends it, not us."""
    try:
        images = tuple(_chain(request))
    except ValueError as error:
        return Reply("failed", str(error))
    last = images[-1]
    problem = ""
    if last.backing:
        problem = f"its base {last.backing_path} cannot be read"
        if last.backing_path in {image.path for image in images}:
            problem = f"the chain comes back to {last.backing_path}"
        elif not last.backing_format:
            problem = (
                f"{last.path} does not say the format of its base {last.backing_path}, which is "
                "never guessed: an unsafe rebase to the same base says it"
            )
    return Reply(value=Chain(images, problem), message=problem)


def _chain(request: ReadImage) -> Iterator[Image]:
    """Each image once; a base is read by the format that the image above says."""
    path = request.path if request.protocol else os.path.abspath(request.path)
    format_, seen = request.format, set[str]()
    while path not in seen and len(seen) < MOST_IMAGES:
        seen.add(path)
        try:
            image = _info(path, format_, request.deadline_s)
        except ValueError:
            if len(seen) == 1:
                raise
            return
        yield image
        if not image.backing or not image.backing_format:
            return
        base = image.backing_path
        path = base if base.startswith("/") else os.path.join(os.path.dirname(path), base)
        format_ = image.backing_format


def _info(path: str, format_: str, timeout_s: float) -> Image:
    how = ("-f", format_) if format_ else ()
    return read_info(_run(("info", "--output=json", "-U", *how, "--", path), timeout_s))[0]


def ask_image(request: AskImage) -> Reply:
    """Ask what changes nothing; of an image in use, only info is had."""
    try:
        return Reply(value=_run(request.argv, request.deadline_s))
    except ValueError as error:
        used = " (its domain runs: only info reads it meanwhile)" if _LOCK in str(error) else ""
        return Reply("failed", f"{error}{used}")


def read_room(request: ReadRoom) -> Reply:
    """What a copy takes, by qemu-img, and what is free where it is to lie."""
    try:
        asked = ask_measure(request.path, request.format, request.to)
        required = json.loads(_run(asked.argv, request.deadline_s)).get("required")
    except ValueError:  # not every format can be measured
        required = None
    try:
        found = os.statvfs(os.path.dirname(request.output))
    except OSError as error:
        return Reply("failed", f"{os.path.dirname(request.output)}: {error.strerror}")
    return Reply(value=Room(required, found.f_bavail * found.f_frsize))


# ---- changing


def work_on_image(link: Link, request: ImageWork) -> Reply:
    """Do it, unless somebody uses what is written."""
    if not link.connection.local:
        return Reply("refused", "the images of that host are not on this machine")
    if reason := _in_use(link, request) or _bad_base(request):
        return Reply("refused", reason)
    if request.output and os.path.lexists(request.output):
        return Reply("conflict", f"{request.output} is there already; nothing was written")
    partial = request.partial
    if partial and os.path.lexists(partial):
        words = f"{partial} is there: something makes it, or was cut off (vconsole jobs)"
        return Reply("conflict", words)
    argv = tuple(word.replace("{output}", partial) for word in request.argv)
    try:
        problem = _follow(argv, request)
    except OSError as error:
        problem = str(error)
    finally:
        request.wait.what = ""
    if problem:
        return Reply("failed", f"{problem}{taken_away(partial)}")
    if partial:
        try:
            name_whole(Path(partial), Path(request.output))
        except OSError as error:
            words = f"{request.output}: {error.strerror}"
            return Reply("failed", f"{words}{taken_away(partial)}")
    return _read_back(request)


def _in_use(link: Link, request: ImageWork) -> str:
    """Who that runs uses an image that is written, and what does it there."""
    if not request.writes:
        return ""
    users = read_users(link, ReadUsers()).value
    assert isinstance(users, Users)
    used = [(path, user) for path, those in users.by_path.items() for user in those]
    used += [
        (path_of(link, "/".join(volume)), user)
        for volume, those in users.by_volume.items()
        for user in those
        if user.running
    ]
    leads_to = follow((*request.writes, *(path for path, _ in used)))
    for path in request.writes:
        place = leads_to.get(path, path)
        names = [u for p, u in used if u.running and place in (p, leads_to.get(p, p))]
        if names:
            instead = f"; {request.instead} does it there" if request.instead else ""
            return f"{path} is in use by {names[0]}{instead}"
    return ""


def _bad_base(request: ImageWork) -> str:
    """Why nothing can be based on the new base; qemu-img itself does not look, if unsafe."""
    path, format_ = request.base
    if not path:
        return ""
    reply = read_image(ReadImage(path, format_))
    if not isinstance(reply.value, Chain) or reply.message:
        return reply.message
    circle = any(image.path == request.name for image in reply.value.images)
    return f"{path} is itself based on {request.name}" if circle else ""


def _follow(argv: tuple[str, ...], request: ImageWork) -> str:
    """Run it to its end, or until it is given up; answers why it failed."""
    environment = {**os.environ, "LC_ALL": "C"}
    with (
        TemporaryFile() as complaints,  # a pipe that nobody reads meanwhile would stop it when full
        subprocess.Popen(
            (*_with_us(), _program(), *argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        while text := _printed(process.stdout):
            if found := _PERCENT.findall(text):
                request.wait.what = f"{float(found[-1]):.0f} %"
            if request.wait.given_up:
                process.kill()
                process.wait()
                return "given up"
        code = process.wait()
        complaints.seek(0)
        words = _words(complaints.read(_MOST_WORDS))
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return (words or f"qemu-img {how}") if code else ""


def _printed(pipe: IO[bytes]) -> bytes:
    """What it printed in a moment, a blank where it printed nothing; nothing at its end, at once.

    It prints a hundred times and more; to wake for each would take the processor from it. So only
    the end of the pipe is waited for, which poll(2) tells unasked.
    """
    end = select.poll()
    end.register(pipe, 0)
    end.poll(_LOOK_S * 1000)
    ready, _, _ = select.select((pipe,), (), (), 0)
    return os.read(pipe.fileno(), 1 << 16) if ready else b" "


def _read_back(request: ImageWork) -> Reply:
    path = request.output or request.name
    reply = read_image(ReadImage(path, request.format))
    if not isinstance(reply.value, Chain):
        return Reply("unknown", f"it ended well, yet {path} cannot be read: {reply.message}")
    image = reply.value.images[0]
    base = f", based on {image.backing_path}" if image.backing else ""
    return Reply(value=reply.value, read_back=f"{image.format}, {image.virtual_bytes} bytes{base}")
