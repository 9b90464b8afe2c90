"""What an audit could not judge, and why: told as plainly as what it found."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..audit import DEAD, AuditReport
from ..audit.finding import Finding
from ..texts import plural
from ..verdicts import Verdicts


def unjudged(audit: AuditReport, verdicts: Verdicts) -> list[dict[str, str]]:
    """A list of {"what", "why"}: concepts, components, images and the audit as a whole."""
    told = [*_concepts(audit), *_decisions(audit, verdicts), *_components(audit), *_whole(audit)]
    return [{"what": what, "why": why} for what, why in told]


def _concepts(audit: AuditReport) -> Iterator[tuple[str, str]]:
    for finding in audit.findings:
        why = list(_reasons(finding, audit))
        if why:
            yield finding.name, "; ".join(why)


def _reasons(finding: Finding, audit: AuditReport) -> Iterator[str]:
    if finding.state in ("unseen", "unknown"):
        yield finding.message
        return
    if not finding.shown:
        yield "as far as the CLIP can tell few of the images show it, so that not finding it says little"
    elif finding.state == "missing":
        yield "no component was found for it; what the CLIP cannot see is missing, too"
    elif finding.state == "weak":
        yield finding.message
    if audit.has_relevance and finding.effect is None and finding.rows:
        yield ("its effect on the relevance could not be estimated: too few images of the class, or another concept is "
               "on the same ones")  # fmt: skip
    if audit.asked and finding.logit is None:
        yield "its effect on the logit could not be told from that of other concepts on the same images"


def _decisions(audit: AuditReport, verdicts: Verdicts) -> Iterator[tuple[str, str]]:
    """Concepts of which nobody decided, or nobody could."""
    open_, unsure = [], []
    for finding in audit.findings:
        about = [f"@{finding.name}"]
        about += [] if finding.best is None else [str(audit.space.components[finding.best])]
        decisions = [verdicts[subject].decision for subject in about if subject in verdicts]
        if not any(decisions):
            open_.append(finding.name)
        elif all(decision in (None, "unsure") for decision in decisions):
            unsure.append(finding.name)
    if open_:
        yield plural(len(open_), "concept") + " without a decision", ", ".join(open_)
    if unsure:
        yield plural(len(unsure), "concept") + " decided as unsure", ", ".join(unsure)


def _components(audit: AuditReport) -> Iterator[tuple[str, str]]:
    counts = audit.counts
    if counts["unexpected"]:
        yield (plural(counts["unexpected"], "unexpected component"),
               "they fit nothing on the checklist: what they stand for is for a person to say")  # fmt: skip
    if counts["ambiguous"]:
        yield (plural(counts["ambiguous"], "ambiguous component"),
               "each fits something valid and something spurious alike")  # fmt: skip
    if dead := int(((audit.region == DEAD) & audit.audited).sum()):
        yield plural(dead, "dead component"), "no image of the data excites them"
    left_out = [n for n in audit.space.components.layers if not audit.audited[audit.space.components.rows(n)].any()]
    if left_out:
        yield f"layers {', '.join(left_out)}", "not audited"


def _whole(audit: AuditReport) -> Iterator[tuple[str, str]]:
    unreadable = audit.space.examples.unreadable
    if unreadable:
        name, why = unreadable[0]
        yield f"{plural(len(unreadable), 'image')} that could not be read", f"first {name}: {why}"
    if not audit.has_relevance:
        yield "what the model uses", "relevance was not computed: states say what it knows, not what it uses"
    elif audit.doubt:
        yield "shares of relevance", audit.doubt
    if not audit.asked:
        yield "what the audit would have missed", "the model was not asked, so that no detection limit is known"
    elif audit.limit is not None and np.isfinite(float(audit.limit.value)):
        yield "smaller effects", audit.limit.sentence
