"""What happens to a ticket: code decides, from validated labels, certificates and the policy.

Pure. The order of the rules is the order of the questions a careful agent asks: is there anything to
read, is it like what we know, is it sure enough to write, is it sure enough to propose.
"""

from __future__ import annotations

from data.decision import Action, PriorityAction, TriageDecision
from data.group import Group
from data.prediction import Prediction
from data.taxonomy import OUT_OF_SCOPE, Taxonomy
from data.ticket import Ticket
from eval.groups import REST
from eval.risk import Certificate
from serving.autonomy import Autonomy
from serving.policy import Policy


def decide(
    ticket: Ticket,
    text: str,
    prediction: Prediction,
    *,
    autonomy: Autonomy,
    policy: Policy,
    taxonomy: Taxonomy,
) -> TriageDecision:
    """Decide on one ticket; `text` is what the model read (`data.tasks.categorize.render`)."""
    issue_type, probability = prediction.issue_type.best
    priority, priority_probability = prediction.priority.best
    category = taxonomy.category_of(issue_type)
    action, reason = _action(text, prediction, autonomy.standing(ticket.client, category), policy)
    return TriageDecision(
        id=ticket.id,
        issue_type=issue_type,
        category=category,
        priority=priority,
        team=policy.team(taxonomy, issue_type, ticket.client, ticket.country),
        probability=probability,
        top=tuple(prediction.issue_type.top(3)),
        priority_probability=priority_probability,
        decision=action,
        priority_decision=_priority(action, priority_probability, autonomy.priority),
        reason=reason,
        bundle=prediction.bundle,
        policy=policy.version,
    )


def _action(
    text: str, prediction: Prediction, standing: tuple[Group, Certificate], policy: Policy
) -> tuple[Action, str]:
    issue_type, p = prediction.issue_type.best
    group, certificate = standing
    readable = sum(c.isalnum() for c in text)
    if readable < policy.least_characters:
        return "abstain", _nothing_to_read(readable)
    if prediction.familiarity < policy.familiarity_floor:
        return "abstain", (
            "The text is unlike anything the model has learned from, so its percentages cannot be "
            "trusted; a person should read it."
        )
    if certificate.threshold is not None and p >= certificate.threshold:
        return "apply", f"{_percent(p)} sure; {_evidence(certificate, group)}."
    if p < policy.suggest_from:
        return "abstain", (
            f"No issue type is likely enough: the best guess is only {_percent(p)} sure and proposals "
            f"start at {_percent(policy.suggest_from)}."
        )
    subject = "this is nothing the desk handles" if issue_type == OUT_OF_SCOPE else "this is the issue type"
    sure, needed = _apart(p, certificate.threshold)
    return "suggest", f"{sure} sure that {subject}; {_why_not_alone(certificate, needed, group)}."


def _priority(action: Action, p: float, certificate: Certificate) -> PriorityAction:
    """The priority is written only beside an applied issue type: there it was certified."""
    sure = certificate.threshold is not None and p >= certificate.threshold
    return "apply" if action == "apply" and sure else "suggest"


def _nothing_to_read(readable: int) -> str:
    if readable == 0:
        return "The ticket has no readable text; ask the requester what it is about."
    return f"The ticket has only {readable} letters of text, too few to judge; ask the requester for more."


def _evidence(c: Certificate, group: Group) -> str:
    return (
        f"of {c.n} reviewed tickets{_in(group)} at least as sure as needed {c.errors} "
        f"{'was' if c.errors == 1 else 'were'} wrong, so at most {_percent(c.budget)} of such answers are "
        f"wrong ({_percent(c.confidence)} confidence)"
    )


def _in(group: Group) -> str:
    return "" if group == REST else f" in {group}"


def _why_not_alone(c: Certificate, needed: str, group: Group) -> str:
    if c.threshold is not None:
        return f"writing it alone needs {needed}"
    return (
        f"nothing{_in(group)} is written alone yet: at least {c.missing} more reviewed "
        f"{'ticket is' if c.missing == 1 else 'tickets are'} needed to promise at most "
        f"{_percent(c.budget)} wrong"
    )


def _apart(p: float, threshold: float | None) -> tuple[str, str]:
    """Show both in whole percents, or finer where they would look the same."""
    if threshold is None:
        return _percent(p), ""
    for digits in (0, 1, 2):
        shown = f"{p * 100:.{digits}f} %", f"{threshold * 100:.{digits}f} %"
        if shown[0] != shown[1]:
            return shown
    return f"just under {shown[1]}", shown[1]


def _percent(share: float) -> str:
    """Whole percents, but never 100 % for less than certainty."""
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{share * 100:.0f} %"
