"""Who hears of a failed run: a webhook (Slack's shape), an e-mail, both or nobody, by two settings."""

from __future__ import annotations

import json
import logging
import os
import urllib.request
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)
WEBHOOK, EMAIL = "DAGETL_ALERT_WEBHOOK", "DAGETL_ALERT_EMAIL"
_TIMEOUT_S = 10


def callbacks() -> list[Callable[[Any], None]]:
    """What Airflow calls with the context of a run that failed."""
    made: list[Callable[[Any], None]] = []
    if os.environ.get(WEBHOOK):
        made.append(tell_webhook)
    if address := os.environ.get(EMAIL):
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        subject = "loginlake: {{ dag.dag_id }} failed, run {{ run_id }}"
        made.append(SmtpNotifier(to=address, subject=subject, html_content="Its tasks' logs say why and what to do."))
    return made


def tell_webhook(context: Any) -> None:
    """POST one line. A webhook that does not answer is logged, by its condition: its address is a secret."""
    url = os.environ[WEBHOOK]
    if not url.startswith(("https://", "http://")):
        log.warning("%s is no http address: nobody was told", WEBHOOK)
        return
    text = (
        f"loginlake: {context['dag'].dag_id} failed, run {context['run_id']}. Its tasks' logs say why and what to do."
    )
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
            log.info("the webhook was told")
    except OSError as error:
        log.warning("the webhook was not told: %s", type(error).__name__)
