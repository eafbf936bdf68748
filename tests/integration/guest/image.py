"""A kernel and an initramfs that boot in seconds under emulation, from the distribution's packages.

The packages are downloaded and unpacked, never installed. In the initramfs are busybox, the QEMU
guest agent, a Python, the libraries of these, a few kernel modules, and what is in rootfs/.

All work that is slow under emulation is done here: Python is compiled to byte code, neither file
is compressed, and the kernel is plain ELF, which QEMU enters directly (PVH). One that unpacks
itself may need ten more seconds for a reboot, as it then overwrites memory whose translation
QEMU keeps. Only that one wakes from sleep, though: QEMU loads an ELF anew at every reset, and
waking is one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.integration.ground import LabError, find_program

CACHE = Path("/var/cache/vconsole-tests")
"""Not below a home: QEMU runs as another user, to whom libvirt gives these files meanwhile."""
ROOTFS = Path(__file__).with_name("rootfs")

KERNELS = ("linux-image-cloud-amd64", "linux-image-virtual")
"""Packages that need the newest kernel for guests: Debian's and Ubuntu's."""
MODULES = (
    *("virtio_pci", "virtio_console", "virtio_blk", "virtio_net", "virtio_balloon", "ext4"),
    *("button", "evdev"),  # the power button, and how acpid hears of it
)
PROGRAMS = ("apt-get", "apt-cache", "busybox", "cpio", "depmod", "dpkg-deb", "ldd", "modprobe")
UNPACKERS = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x02\x21\x4c\x18": "lz4",
}
"""By the first bytes of what they unpack."""
FOLDERS = "dev etc mnt modules proc root run sys tmp usr/bin usr/sbin usr/lib usr/lib64".split()
UNUSED_PYTHON = shutil.ignore_patterns("__pycache__", "test", "pydoc_data", "sitecustomize.py")


@dataclass(frozen=True)
class GuestFiles:
    """What a domain boots from."""

    kernel: Path
    packed_kernel: Path
    """The same, for guests that shall sleep and wake."""
    initrd: Path


def guest_files() -> GuestFiles:
    """Build them if this recipe is new on this machine; LabError names what is missing for it."""
    folder = CACHE / _recipe()
    CACHE.mkdir(parents=True, exist_ok=True)
    CACHE.chmod(0o755)
    with (CACHE / "lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _build(folder)
    return GuestFiles(folder / "kernel", folder / "packed-kernel", folder / "initrd")


def _recipe() -> str:
    """A hash of our own ingredients and of the distribution, not of what its packages are today."""
    ours = sorted(path for path in ROOTFS.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in (Path(__file__), Path("/etc/os-release"), *ours):
        digest.update(b"%s\0%o\0%s" % (path.name.encode(), path.stat().st_mode, path.read_bytes()))
    return digest.hexdigest()[:16]


def _build(folder: Path) -> None:
    for name in PROGRAMS:
        find_program(name)
    _forget_old_builds()
    with contextlib.suppress(LabError):  # the lists at hand may do
        _run("apt-get", "-qq", "update")
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="build-") as name:
        work = Path(name)
        root = _make_root(work)
        kernel = _add_kernel(work, root)
        done = work / "done"
        done.mkdir(mode=0o755)
        shutil.copyfile(kernel, done / "packed-kernel")
        (done / "kernel").write_bytes(_payload(kernel.read_bytes()))
        _pack(root, done / "initrd")
        for path in done.iterdir():
            path.chmod(0o644)
        done.rename(folder)


def _forget_old_builds() -> None:
    """Remove what is older than a week: other recipes, and builds that were killed."""
    for path in CACHE.iterdir():
        if path.name != "lock" and time.time() - path.stat().st_mtime > 7 * 86400:
            shutil.rmtree(path, ignore_errors=True)


# --- packages -------------------------------------------------------------------------------


def _dependencies(package: str, pattern: str) -> list[str]:
    """The direct dependencies whose whole name matches; none where the package is unknown."""
    argv = ["apt-cache", "depends", "--important", package]
    answer = subprocess.run(argv, capture_output=True, text=True).stdout
    return re.findall(rf"^ [ |](?:Pre)?Depends: ({pattern})$", answer, re.MULTILINE)


def _unpack(packages: Iterable[str], tree: Path) -> Path:
    """Download the packages and unpack them into the tree."""
    debs = tree.with_suffix(".debs")
    debs.mkdir()
    _run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages, cwd=debs)
    for deb in debs.iterdir():
        _run("dpkg-deb", "--extract", str(deb), str(tree))
    if not (tree / "lib").exists():
        (tree / "lib").symlink_to("usr/lib")
    return tree


def _run(*argv: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    argv = (find_program(argv[0]), *argv[1:])
    environment = {**os.environ, "LC_ALL": "C", **(env or {})}
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd, env=environment)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


# --- the kernel -----------------------------------------------------------------------------


def _add_kernel(work: Path, root: Path) -> Path:
    """Put a kernel's modules into the root, in the order of loading; the kernel's image."""
    if packages := _kernel_packages():
        tree = _unpack(packages, work / "kernel")
        version = next((tree / "lib/modules").iterdir()).name
        _run("depmod", "--basedir", str(tree), version)
    else:
        tree, version = Path("/"), os.uname().release  # the one that runs here
    kernel = tree / f"boot/vmlinuz-{version}"
    if not kernel.exists():
        raise LabError(f"no kernel for a guest: no package {' or '.join(KERNELS)}, no {kernel}")
    for number, module in enumerate(_load_order(tree, version)):
        name = f"{number:02}-{module.name.split('.')[0]}.ko"
        (root / "modules" / name).write_bytes(_plain(module.read_bytes()))
    return kernel


def _payload(image: bytes) -> bytes:
    """The ELF in a bzImage; where it is stands in Documentation/arch/x86/boot.rst of Linux."""
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = 512 * (sectors + 1) + offset
    packed = image[start : start + length]
    has_size_appended = not packed.startswith(b"\x1f\x8b")
    return _plain(packed[:-4] if has_size_appended else packed)


def _plain(data: bytes) -> bytes:
    """The same, unpacked if it is packed."""
    for magic, program in UNPACKERS.items():
        if data.startswith(magic):
            argv = [find_program(program), "-dc"]
            return subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def _kernel_packages() -> list[str]:
    for name in KERNELS:
        for image in _dependencies(name, r"linux-image-\d\S*"):
            return [image, *_dependencies(image, r"linux-modules-\d\S*")]
    return []


def _load_order(tree: Path, version: str) -> list[Path]:
    """The files of the modules and of those they need; what is built in needs none."""
    where = ("--dirname", str(tree), "--set-version", version)
    answers = [_run("modprobe", *where, "--show-depends", name) for name in MODULES]
    files = re.findall(r"^insmod (\S+)", "".join(answers), re.MULTILINE)
    return [Path(name) for name in dict.fromkeys(files)]


# --- everything else ------------------------------------------------------------------------


def _make_root(work: Path) -> Path:
    """The root folder of the guest, without modules."""
    root = work / "root"
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    shutil.copytree(ROOTFS, root, dirs_exist_ok=True)
    tree = _unpack(_program_packages(), work / "programs")
    _add_program(Path(find_program("busybox")), root / "usr/bin/busybox", tree)
    _add_program(tree / "usr/sbin/qemu-ga", root / "usr/sbin/qemu-ga", tree)
    _add_python(tree, root)
    return root


def _program_packages() -> list[str]:
    """The agent, a Python, and the libraries of theirs that QEMU may not have brought here."""
    interpreter = "".join(_dependencies("python3-minimal", r"python3\.\d+-minimal"))
    wanted = ["qemu-guest-agent", interpreter]
    libraries = {lib for name in wanted for lib in _dependencies(name, r"z?lib(?!c6)\S*")}
    return [*wanted, *libraries, f"lib{interpreter.replace('minimal', 'stdlib')}"]


def _add_program(source: Path, target: Path, tree: Path) -> None:
    """Copy a program and the libraries that it is linked with, be they in the tree or here."""
    shutil.copy2(source, target)
    root = target.parents[2]
    argv = [find_program("ldd"), str(source)]
    linked = subprocess.run(argv, capture_output=True, text=True, env=_with_libraries(tree)).stdout
    if missing := re.findall(r"^\s*(\S+) => not found", linked, re.MULTILINE):
        raise LabError(f"{source.name} in the guest needs {', '.join(missing)}")
    for library in re.findall(r"(/\S+) \(0x", linked):
        place = root / library.removeprefix(str(tree)).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, place)


def _with_libraries(tree: Path) -> dict[str, str]:
    folders = {str(path.parent) for path in tree.glob("**/lib*.so*")}
    return {"LC_ALL": "C", "LD_LIBRARY_PATH": ":".join(sorted(folders))}


def _add_python(tree: Path, root: Path) -> None:
    """The interpreter as python3, and the compiled standard library."""
    (interpreter,) = (tree / "usr/bin").glob("python3.*")
    _add_program(interpreter, root / "usr/bin/python3", tree)
    library = root / "usr/lib" / interpreter.name
    shutil.copytree(tree / "usr/lib" / interpreter.name, library, ignore=UNUSED_PYTHON)
    python = (str(root / "usr/bin/python3"), "-m", "compileall", "-q")
    how = ("-s", str(root), "-p", "/", "--invalidation-mode", "unchecked-hash")
    environment = {**_with_libraries(tree), "PYTHONHOME": str(root / "usr")}
    _run(*python, *how, str(library), env=environment)


def _pack(root: Path, archive: Path) -> None:
    """Write the root folder as the kernel wants it, everything owned by root."""
    names = "\0".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    argv = [find_program("cpio"), "--quiet", "-o", "-0", "-H", "newc", "-R", "+0:+0"]
    with archive.open("wb") as target:
        subprocess.run(argv, input=names.encode(), stdout=target, cwd=root, check=True)
