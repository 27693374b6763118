"""Tickets in, decisions out: rendering, engine, heads and policy in one line."""

from __future__ import annotations

from collections.abc import Sequence

from data.decision import TriageDecision
from data.tasks.categorize import render
from data.ticket import Ticket
from eval.bundle import Bundle
from eval.heads import predict
from serving.autonomy import Autonomy
from serving.decide import decide
from serving.engine import EmbeddingEngine
from serving.policy import Policy


class Triage:
    """One loaded bundle under one policy. Safe to call from one thread at a time."""

    def __init__(self, bundle: Bundle, engine: EmbeddingEngine, policy: Policy, autonomy: Autonomy) -> None:
        self.bundle, self.policy, self.autonomy = bundle, policy, autonomy
        self._engine = engine

    def decide_all(self, tickets: Sequence[Ticket]) -> list[TriageDecision]:
        """Decide on each ticket, in order. Raises `EngineError` when the engine cannot answer."""
        if not tickets:
            return []
        texts = [render(t) for t in tickets]
        predictions = predict(self.bundle, self._engine.embed(texts), texts)
        return [
            decide(
                ticket,
                text,
                prediction,
                autonomy=self.autonomy,
                policy=self.policy,
                taxonomy=self.bundle.taxonomy,
            )
            for ticket, text, prediction in zip(tickets, texts, predictions, strict=True)
        ]
