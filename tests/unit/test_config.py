"""The settings: what is accepted, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from vconsole.files.config import THEMES, Config, ConfigError, check_keys, load
from vconsole.files.places import config_path
from vconsole.registry import COMMANDS


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def problem(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        load(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value).removeprefix(f"{path}: ")


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "config.toml") == load(None) == Config()


def test_everything_can_be_set(tmp_path: Path) -> None:
    path = write(
        tmp_path / "config.toml",
        'theme = "ansi-light"\ninterval = 5\nascii = true\nmouse = false\n'
        '[keys]\n"domains.pin" = "B"\n',
    )
    assert load(path) == Config("ansi-light", 5.0, True, False, keys={"domains.pin": "B"})


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_exists(theme: str, tmp_path: Path) -> None:
    from tests.feed import make_console
    from vconsole.model.host_state import EMPTY

    config = load(write(tmp_path / "config.toml", f'theme = "{theme}"\n'))
    app, _ = make_console(EMPTY, config)
    assert app.theme == theme
    assert theme in app.available_themes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", "unknown key 'colour'; known are theme, interval, ascii, mouse, "),
        ("theme = 1", "theme has the wrong type: 1"),
        ('theme = "dracula"', "theme 'dracula' is not one of vconsole-dark, "),
        ("interval = true", "interval has the wrong type: True"),
        ('interval = "1"', "interval has the wrong type: '1'"),
        ("interval = 0", "interval 0.0 is not between 0.2 and 3600 seconds"),
        ("interval = nan", "interval nan is not between"),
        ("interval = inf", "interval inf is not between"),
        ("ascii = 1", "ascii has the wrong type: 1"),
        ("keys = 1", "keys has the wrong type: 1"),
        ('[keys]\n"domains.fly" = "x"', "keys: no command 'domains.fly'; docs/keys.md lists them"),
        ('[keys]\n"domains.pin" = ""', "keys: 'domains.pin' needs the name of a key, not ''"),
        ('[keys]\n"domains.pin" = 3', "keys: 'domains.pin' needs the name of a key, not 3"),
        ('[keys]\n"domains.pin" = "s"', "keys: domains.pin and domains.sort would share 's'"),
        ('[keys]\n"domains.pin" = "q"', "keys: domains.pin and app.quit would share 'q'"),
        ('[keys]\n"app.quit" = "x"', "would share 'x'"),
        ('[keys]\n"app.quit" = "Ctrl+P"', "there is no key 'Ctrl+P': is it 'ctrl+p'?"),
        ('[keys]\n"app.quit" = "ctrl+X"', "there is no key 'ctrl+X': is it 'ctrl+x'?"),
        ('[keys]\n"app.quit" = "F9"', "there is no key 'F9': is it 'f9'?"),
        ('[keys]\n"domains.pin" = "B, s"', "domains.pin and domains.sort would share 's'"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, said: str, tmp_path: Path) -> None:
    assert said in problem(write(tmp_path / "config.toml", text))


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    assert "line 1" in problem(write(tmp_path / "config.toml", "theme = = 1"))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"theme = '\xff\xfe'")
    assert "utf-8" in problem(path)


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    assert "directory" in problem(tmp_path).lower()


def test_the_default_keys_do_not_clash() -> None:
    check_keys(Path("defaults"), {c.id: c.keys for c in COMMANDS.values()})


def test_two_commands_may_swap_and_pages_may_reuse_a_key() -> None:
    check_keys(Path("x"), {"domains.pin": "s", "domains.sort": "p"})
    check_keys(Path("x"), {"domains.pin": "x"})  # pin.one_to_one is on another page


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/vconsole/config.toml"),
        ({"HOME": "/h"}, "/h/.config/vconsole/config.toml"),
        ({}, None),
    ],
)
def test_where_it_is_looked_for(
    environment: dict[str, str], path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CONFIG_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert config_path() == (Path(path) if path else None)


@pytest.mark.parametrize("keys", ['"domains.pin" = "nosuchkey"', '"domains.pin" = "Enter"'])
def test_a_key_that_does_not_exist_is_refused(keys: str, tmp_path: Path) -> None:
    problem(write(tmp_path / "config.toml", f"[keys]\n{keys}\n"))
