"""What a study tells one runner: so many of 100 like these, with the range, and what it is not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tendon_outcomes.analysis.chronicity.runner_view import runners_like_this
from tendon_outcomes.cli.publish import run_analyses
from tendon_outcomes.cli.study import Study
from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.reporting.chronicity.runner import NOTICE, interval_of, of_hundred
from tendon_outcomes.reporting.wording import rounded
from tendon_outcomes.vocabulary import Tier

ANALYSIS = "a3"


@dataclass(frozen=True)
class Told:
    """One answer for a runner. Counts are of 100 runners; `notice` goes wherever they go."""

    weeks: float
    day: int
    count: int
    low: int
    high: int
    sentence: str
    interval: str
    notice: str
    snapshot: str
    as_of: str

    def text(self) -> str:
        """The answer as it is printed."""
        return f"{self.sentence} {self.interval}\n\n{self.notice}\nFrom snapshot {self.snapshot}, data as of {self.as_of}."

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def tell(study: Study, weeks: float, snapshot: str | None, say: Say) -> Told:
    """The answer for a runner for whom it has hurt for so many weeks, from numbers that may leave the clinic.

    Raises
    ------
    EstimationRefused
        Too few runners of the study had hurt for so short or so long, or the analysis was refused as a whole.
    """
    (results,), manifest = run_analyses(study, [ANALYSIS], snapshot, Tier.SHAREABLE, say)
    found = runners_like_this(results, weeks)
    asked = study.protocol().estimand(results.estimand)
    return Told(
        weeks=weeks,
        day=found.day,
        count=rounded(found.count),
        low=rounded(found.low),
        high=rounded(found.high),
        sentence=of_hundred(found.count, found.low, found.high, day=found.day, weeks=weeks, phrase=asked.endpoint.phrase),
        interval=interval_of(asked.conf_level),
        notice=NOTICE,
        snapshot=manifest.snapshot_id,
        as_of=manifest.as_of,
    )
