"""Answers about the jobs of all processes of this user; needs no libvirt."""

from __future__ import annotations

import os

from vconsole.changes import jobs
from vconsole.host.link import Link
from vconsole.model.job import GiveUpJob, ReadJobs, RemoveLeftover
from vconsole.model.request import Reply, took_effect


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


def tell_removed(_link: Link, _uuid: str, trace: str) -> Reply:
    """Look for the file."""
    return took_effect(not os.path.lexists(trace))
