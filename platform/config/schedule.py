"""Which queue a task goes to, what beat sends out and how often (seconds).

A periodic task that waited longer than its turn is dropped.
"""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab


def _every(seconds: int, task: str, queue: str = "default") -> dict[str, Any]:
    return {"task": task, "schedule": seconds, "options": {"expires": seconds, "queue": queue}}


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "audit-seal": _every(5, "audit.seal"),
    "transparency-seal": _every(5, "transparency.seal"),
    "worker-heartbeat": _every(10, "jobs.heartbeat"),
    "jobs-resend-lost": _every(60, "jobs.resend_lost"),
    "uploads-abandon-idle": _every(86400, "uploads.abandon_idle"),
    "intake-retrain-due": _every(300, "intake.retrain_due"),
    "documents-refuse-abandoned": _every(3600, "documents.refuse_abandoned"),
    "registry-expire-certificates": _every(3600, "registry.expire_certificates"),
    "credentials-keep-current": _every(60, "credentials.keep_current"),
    "registry-watch-deadlines": _every(3600, "registry.watch_deadlines"),
    "servers-exchange": _every(60, "servers.exchange_all"),
    "servers-sweep-nightly": {**_every(86400, "servers.sweep_all"), "schedule": crontab(hour=3, minute=10)},
    "quality-measure-due": _every(600, "quality.measure_due"),
    "requests-expire-lapsed": _every(300, "requests.expire_lapsed"),
    "work-lapse-leases": _every(60, "work.lapse_leases"),
    "trading-accept-overdue": _every(300, "trading.accept_overdue"),
    "pilots-close-rounds": _every(60, "pilots.close_rounds"),
    "filings-send-due": _every(60, "filings.send_due", "mail"),
    "filings-export-days": _every(3600, "filings.export_days", "long"),
    "demands-expire-overdue": _every(300, "demands.expire_overdue"),
    "demands-tell-matches": _every(600, "demands.tell_matches"),
    "tenders-keep-time": _every(300, "tenders.keep_time"),
    "tenders-fill-projects": _every(600, "tenders.fill_projects"),
    "searches-tell-matches": _every(600, "searches.tell_matches"),
    "ledger-close-day": _every(3600, "ledger.close_day", "long"),
    "ledger-expire-holds": _every(60, "ledger.expire_holds"),
    "ledger-prove-nightly": _every(86400, "ledger.prove_nightly", "long"),
    "payruns-pay-waiting": _every(600, "payruns.pay_waiting", "long"),
    "banking-book-arrivals": _every(600, "banking.book_arrivals", "long"),
    "merchant-deliver-due": _every(10, "merchant.deliver_due", "mail"),
    "risk-scan-nightly": {**_every(86400, "risk.scan", "long"), "schedule": crontab(hour=2, minute=40)},
    "rewards-watch-deadlines": _every(3600, "rewards.watch_deadlines"),
    "rewards-tell-release": _every(3600, "rewards.tell_release"),
    "brokers-follow-terms": _every(60, "brokers.follow_terms"),
    "delivery-watch-entitlements": _every(300, "delivery.watch_entitlements"),
    "delivery-close-month": _every(3600, "delivery.close_month"),
}

TASK_ROUTES: dict[str, dict[str, str]] = {
    "jobs.run_job": {"queue": "long"},
    "registry.make_document": {"queue": "long"},
    "payruns.pay_run": {"queue": "long"},
    "banking.match_exact": {"queue": "long"},
    "banking.book_arrivals": {"queue": "long"},
    "servers.exchange": {"queue": "long"},
    "servers.pull": {"queue": "long"},
    "servers.sweep": {"queue": "long"},
    "notifications.*": {"queue": "mail"},
    "filings.send_outside": {"queue": "mail"},
    "merchant.deliver": {"queue": "mail"},
}
