"""Where memory goes with the vCPUs: rows of numatune and memnode beside the pins of a best fit.

A preference that leads elsewhere follows. What is bound stays, unless the fit had to leave its
cells. Where numad chooses, or memory is spread on purpose, nothing is proposed; nor where there is
no policy: who asks for pins is not given one that can keep a domain from starting.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from vconsole.features.pins.model.fit_case import Case, Part
from vconsole.features.pins.model.fit_cells import Choice
from vconsole.features.pins.model.setting_rows import SettingKey
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import NumaTune
from vconsole.model.memory import home_cells, tune_line
from vconsole.model.setting import Setting


def memory_rows(case: Case, choice: Choice) -> dict[SettingKey, Setting]:
    """A row for the domain, or for each guest cell where these go apart."""
    holding = CpuSet.of(cell.id for cell in case.host_state.cells if cell.total_bytes != 0)
    places = [CpuSet.of(cells) for cells in choice.cells]
    if not all(where <= holding for where in places):
        return {}
    wanted = [_wanted(case, *where) for where in zip(case.parts, places, strict=True)]
    own = any(part.guest and part.guest.tune for part in case.parts)
    if not own and len(set(wanted)) == 1 and wanted[0]:
        return {("numatune", None): Setting("numatune", wanted[0])}
    return {
        ("memnode", part.guest.id): Setting("memnode", text)
        for part, text in zip(case.parts, wanted, strict=True)
        if part.guest and text
    }


def _wanted(case: Case, part: Part, cells: CpuSet) -> str:
    """Mode and cells for a part; empty where it has no policy, or one that is well as it is."""
    tune = (part.guest.tune if part.guest else None) or case.domain.numatune
    if tune is None or not tune_line(tune, "", "", case.host_state, cells):
        return ""
    alone = tune.mode == "preferred" and len(cells) == 1
    return f"{tune.mode} {cells}" if alone or _left(case, tune, cells) else ""


def _left(case: Case, tune: NumaTune, cells: CpuSet) -> bool:
    """None of its vCPUs is where its memory is bound."""
    return tune.bound is not None and not home_cells(tune.bound, case.host_state) & cells


def movable(case: Case) -> Case | None:
    """The case without what binds memory; None where nothing does or it cannot move with it.

    A memnode of a domain that runs stays as it is until the next start.
    """
    if not any(part.bound for part in case.parts):
        return None
    if case.domain.active and any(part.guest and part.guest.tune for part in case.parts):
        return None
    return _free(case, case.parts)


def as_chosen(case: Case, choice: Choice) -> Case:
    """The case without what binds memory to cells that the choice has left."""
    places = zip(case.parts, choice.cells, strict=True)
    return _free(
        case, [p for p, cells in places if p.tune and _left(case, p.tune, CpuSet.of(cells))]
    )


def _free(case: Case, parts: Collection[Part]) -> Case:
    made = (replace(part, tune=None) if part in parts else part for part in case.parts)
    return replace(case, parts=tuple(made))
