"""What the service tells of itself: metrics for Prometheus, and one log line per decision and per effect.

Secrets, phone numbers and whole bodies never come here; a log line carries names, codes and figures.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from structlog.typing import Processor

# Without the frames' variables: they hold tokens, addresses and whole bodies.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """Every figure at /metrics. One object a process; tests make their own with a registry of their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.bodies = self._counter("ingest_bodies", "Webhook bodies by what became of them", "result")
        self.alerts = self._counter("ingest_alerts", "Alerts consumed, by what they meant", "sighting")
        self.set_aside = self._counter("set_aside", "What could not be worked on and was set aside", "what")
        self.waiting = Gauge(
            "responder_journal_waiting", "Bodies accepted and not yet consumed", registry=self.registry
        )
        self.open_incidents = Gauge(
            "responder_open_incidents", "Incidents not closed", ("level", "state"), registry=self.registry
        )
        self.handed_over = Histogram(
            "responder_page_handover_seconds",
            "From a page being asked for to a channel having taken it, by whichever method",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.storm = Gauge(
            "responder_storm",
            "1 while so many incidents open that pages of levels 1 and 2 are gathered",
            registry=self.registry,
        )
        self.digests = self._counter("digests", "Digests that were begun")
        self.gathered = self._counter("gathered_pages", "Pages that went in a digest, and not by themselves")
        self.oldest_overdue = Gauge(
            "responder_oldest_overdue_seconds",
            "Age of the oldest due row that nobody has worked off",
            ("kind",),
            registry=self.registry,
        )
        self.isolated = Gauge(
            "responder_isolated",
            "1 while no channel takes anything from this process",
            registry=self.registry,
        )
        self.outward_beats = self._counter(
            "outward_beats", "Our own beats to whoever watches us, by what became of them", "outcome"
        )
        self.outward_beat_at = Gauge(
            "responder_outward_beat_timestamp_seconds",
            "When our own beat last arrived, Unix time; 0 = never",
            registry=self.registry,
        )
        self.sends = self._counter("sends", "Calls to channels by outcome", "channel", "outcome")
        self.alarms = self._counter("alarms", "Alarms about ourselves", "kind")
        self.loop_restarts = self._counter(
            "loop_restarts", "Loops that failed and were started again", "loop"
        )
        self.calls = Histogram(
            "responder_call_seconds",
            "Calls through a port, by their point",
            ("point", "outcome"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.conflicts = self._counter(
            "conflicts", "Commits run again because another came between, by their point", "point"
        )
        self.replicas = Gauge(
            "responder_replicas",
            "Processes that serve from this store and said so within 30 s",
            registry=self.registry,
        )
        self.judges = Gauge(
            "responder_policies_active",
            "1 where this process has the policies that are in force, so that it judges, fires and sends",
            registry=self.registry,
        )
        self.commands = self._counter("commands", "People's commands by verb and answer", "verb", "answer")
        self.chat_answers = Histogram(
            "responder_slack_answer_seconds",
            "From what a person said in Slack having come in to its answer, by what it was",
            ("said",),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.reloads = self._counter("policy_reloads", "Policy loads by result", "result")
        self.beats = self._counter("heartbeats", "Beats heard", "name")
        self.polls = self._counter("alertmanager_polls", "Times an Alertmanager was asked", "peer", "outcome")
        self.reconciled = self._counter(
            "reconciled", "Differences between us and the Alertmanagers that were mended", "what"
        )

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"responder_{name}", words, labels, registry=self.registry)


def configure_logging(*, json_lines: bool, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """structlog for the whole process; the standard library's loggers (aiohttp, alembic) go the same way."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if json_lines:
        renderer: list[Processor] = [
            _TRACEBACKS,
            structlog.processors.JSONRenderer(),
        ]
    else:
        renderer = [
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(), pad_event_to=24, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
