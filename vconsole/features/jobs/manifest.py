"""Jobs: changes that are under way, how far they are, and what became of those before."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, not_read_only
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"jobs": "Jobs"},
    commands=(
        Command(
            "app.jobs",
            "8,J",
            "",
            "Go to what is under way: how far it is, give it up, see what became of it.",
            place=12,
            opens="jobs",
        ),
        Command(
            "jobs.cancel", "c", "give up", "Give up the job under the cursor.", (not_read_only,)
        ),
        Command(
            "jobs.remove",
            "minus,d,delete",
            "remove",
            "Remove the file that a killed job left unfinished.",
            (not_read_only,),
        ),
    ),
    pages={"jobs": "vconsole.screens.jobs:JobsScreen"},
    answers=(
        Answer("vconsole.model.job:ReadJobs", ".host:read_jobs", local=True),
        Answer("vconsole.model.job:GiveUpJob", ".host:give_up_job", local=True),
        Answer(
            "vconsole.model.job:RemoveLeftover",
            ".host:remove_leftover",
            changes=True,
            local=True,
            tells=".host:tell_removed",
        ),
    ),
    subcommands={"jobs": ".cli:add_parser"},
)
