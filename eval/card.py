"""The model card: what a bundle is for, what it was made from, how good it is, where it is weak. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eval.bundle import Facts
from eval.risk import Certificate

_WEAKEST = 10


def card(
    facts: Facts,
    metrics: Mapping[str, Any],
    counts: Mapping[str, int],
    certificate: Certificate,
    resources: Mapping[str, float],
) -> str:
    """Return the card as Markdown. `metrics` as from `eval.report.report`; `counts` rows by use."""
    classes = sorted(metrics["issue_type_classes"], key=lambda c: (c["f1"], c["label"]))[:_WEAKEST]
    weakest = "\n".join(
        f"| {c['label']} | {c['f1']:.2f} | {c['precision']:.2f} | {c['recall']:.2f} | {c['support']} |"
        for c in classes
    )
    cost = (
        f"{resources['cpu_seconds']:.0f} CPU s, {resources['wall_seconds']:.0f} s, "
        f"peak {resources['peak_rss_mib']:.0f} MiB"
    )
    rows = ", ".join(f"{n} {name}" for name, n in counts.items())
    return f"""# Firstline triage bundle

**Use**: proposes issue type, category, team and priority of a support ticket to a payroll provider, with
calibrated probabilities. It reads subject and text only. It decides nothing by itself: a policy does,
within an error budget proven on the evidence in this bundle.
**Not for**: anything but this desk's taxonomy ({facts.taxonomy_version}); texts in languages that the
history hardly has; judging people.

| | |
|---|---|
| Base encoder | {facts.base_model} |
| Dataset | {facts.dataset} ({rows}) |
| Taxonomy, task, knowledge base | {facts.taxonomy_version}, {facts.task_version}, {facts.kb_version} |
| Recipe, code | {facts.recipe}, {facts.code_revision} |
| Made | {facts.created}, engine {facts.engine}, texts cut to {facts.max_tokens} tokens |
| Cost | {cost} |

## Measured on {metrics["n"]} audited texts of the test split
Texts are unseen in training, near-duplicates counted once; intervals are exact at 95 %.

| | value | 95 % interval |
|---|---|---|
{_line("Issue type", metrics["issue_type_accuracy"])}
{_line("Category", metrics["category_accuracy"])}
{_line("Priority", metrics["priority_accuracy"])}

Macro F1 {metrics["issue_type_macro_f1"]:.3f}. Calibration error {metrics["ece"]:.3f}; a perfectly
calibrated model shows up to {metrics["ece_null"]:.3f} at this n.

## What may be written without a person
{_promise(certificate)}

## Weakest issue types
| issue type | F1 | precision | recall | n |
|---|---|---|---|---|
{weakest}
"""


def _line(name: str, value: Mapping[str, float]) -> str:
    return (
        f"| {name} | {100 * value['value']:.1f} % | {100 * value['low']:.1f} to {100 * value['high']:.1f} % |"
    )


def _promise(c: Certificate) -> str:
    promise = f"at most {100 * c.budget:.0f} % wrong, {100 * c.confidence:.0f} % sure"
    if c.threshold is None:
        return (
            f"Nothing yet ({promise}): the strictest {c.n} of {c.audited} texts had {c.errors} errors "
            f"(bound {100 * c.bound:.1f} %); at least {c.missing} more are needed."
        )
    return (
        f"Issue types with a probability of at least {c.threshold:.3f}: {100 * c.coverage:.0f} % of the "
        f"audited texts. Promise: {promise}. Proof: {c.errors} errors in {c.n}, bound {100 * c.bound:.1f} %."
    )
