"""What a named refusal is: a call that must be refused, and the words that tell its reader why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tendon_outcomes.errors import EstimationRefused, NotConverged


@dataclass(frozen=True)
class Refusal:
    """A bad input. `call` must raise EstimationRefused or NotConverged with a text that contains `says`."""

    name: str
    call: Callable[[], object]
    says: str


def fault(refusal: Refusal) -> str | None:
    """None when the call is refused as it should be; otherwise what it did instead."""
    try:
        result = refusal.call()
    except (EstimationRefused, NotConverged) as refused:
        return None if refusal.says in str(refused) else f"refused, but without {refusal.says!r}: {refused}"
    except Exception as other:  # anything else that an estimator raises is the fault to report
        return f"raised {type(other).__name__}: {other}"
    return f"gave a {type(result).__name__}"
