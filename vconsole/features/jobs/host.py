"""Answers about the jobs of all processes of this user; needs no libvirt."""

from __future__ import annotations

from vconsole.changes import jobs
from vconsole.model.job import GiveUpJob, ReadJobs, RemoveLeftover
from vconsole.model.request import Reply


def read_jobs(request: ReadJobs) -> Reply:
    """Read them."""
    return Reply(value=jobs.read(request.directory))


def give_up_job(request: GiveUpJob) -> Reply:
    """Tell the process of one."""
    problem = jobs.give_up(request.directory, request.id)
    return Reply("refused", problem) if problem else Reply(read_back="told to give it up")


def remove_leftover(request: RemoveLeftover) -> Reply:
    """Remove a file that was never finished."""
    problem = jobs.remove(request.directory, request.left)
    return Reply("conflict", problem) if problem else Reply(read_back="gone")
