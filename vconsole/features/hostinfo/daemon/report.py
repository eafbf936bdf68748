"""The guests, as the status socket tells of them."""

from __future__ import annotations

from time import monotonic, time
from typing import Any

from vconsole.features.hostinfo.daemon.guests import Guest
from vconsole.features.hostinfo.model.protocol import Exchange


def guest_report(guest: Guest, recent: bool = False) -> dict[str, Any]:
    """What is known of one guest; ages and waits in seconds."""
    now, account, rule = monotonic(), guest.terms.account, guest.terms.rule
    report: dict[str, Any] = {
        "name": guest.name,
        "uuid": guest.uuid,
        "state": guest.state,
        "reason": guest.reason,
        "state_age_s": round(now - guest.since, 1),
        "rule": {
            "pattern": rule.pattern,
            "line": rule.line,
            "interval_s": rule.interval_s,
            "permitted": sorted(rule.permitted),
            "hide_denied": rule.hide_denied,
        },
        "queries": account.queries,
        "refusals": account.refusals,
        "muted": account.muted,
        "last_query_age_s": None if account.accepted_at is None else now - account.accepted_at,
        "next_allowed_s": account.wait_s(now, rule.interval_s),
        "last": guest.last and exchange_report(guest, guest.last),
    }
    if recent:
        report["recent"] = [exchange_report(guest, exchange) for exchange in guest.recent]
    return report


def exchange_report(guest: Guest, exchange: Exchange) -> dict[str, Any]:
    """One exchange; `at` is in seconds since 1970."""
    return {
        "guest": guest.name,
        "at": round(time() - (monotonic() - exchange.at_s), 3),
        "request": exchange.request,
        "code": exchange.code,
    }
