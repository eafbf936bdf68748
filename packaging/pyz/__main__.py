"""What a vconsole.pyz starts with: it unpacks itself once, and runs from there.

Not from within the archive: compiled byte code, data files and processes of its own want files.
libvirt and lxml are the distribution's; psutil is, too, where it has it.
"""

import os
import sys
import zipfile

NAME = "@NAME@"
"""Of the directory, which holds what this archive holds: its version and digest."""
PACKAGES = "sudo apt-get install python3-libvirt python3-lxml python3-psutil"
MORE = "on other distributions: python3-libvirt python3-lxml python3-psutil"


def main() -> None:
    """Unpack if need be, and go there."""
    if sys.version_info < (3, 11):  # noqa: UP036  # that is what it finds out
        sys.exit("vconsole.pyz: needs Python 3.11 or later: python3.11 vconsole.pyz")
    try:
        home = unpacked()
    except OSError as error:
        sys.exit(f"vconsole.pyz: cannot unpack itself: {error}; XDG_CACHE_HOME says where")
    sys.path.insert(0, os.path.join(home, "site"))
    sys.path.append(os.path.join(home, "native"))
    try:
        import libvirt  # noqa: F401
        import psutil  # noqa: F401
    except ImportError as error:
        sys.exit(f"vconsole.pyz: {error}; {PACKAGES} ({MORE})")
    from vconsole.__main__ import main as run

    sys.exit(run())


def unpacked() -> str:
    """Answer the directory; it is root's alone, or the user's alone."""
    cache = os.path.expanduser("~/.cache") if os.geteuid() else "/var/cache"
    parent = os.path.join(os.environ.get("XDG_CACHE_HOME") or cache, "vconsole")
    home = os.path.join(parent, NAME)
    if not os.path.isdir(home):
        import shutil
        import tempfile

        os.makedirs(parent, mode=0o700, exist_ok=True)
        half = tempfile.mkdtemp(prefix=".half-", dir=parent)
        try:
            with zipfile.ZipFile(sys.argv[0]) as archive:
                archive.extractall(half)
            os.rename(half, home)
        except OSError:
            shutil.rmtree(half, ignore_errors=True)
            if not os.path.isdir(home):  # another one was quicker
                raise
    if os.stat(home).st_uid != os.geteuid():
        raise PermissionError(f"{home} belongs to another user")
    return home


main()
