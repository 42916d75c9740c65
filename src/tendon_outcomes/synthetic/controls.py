"""What neither stretching nor loading can change: negative controls. Only what nobody records ties them to the prescription."""

from __future__ import annotations

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.asked import SLOTS, visit_slot
from tendon_outcomes.synthetic.columns import coded, whole
from tendon_outcomes.synthetic.distributions import normal_cdf
from tendon_outcomes.synthetic.draws import Draws, Floats
from tendon_outcomes.synthetic.follow_up import Contacts
from tendon_outcomes.synthetic.latent import Runners
from tendon_outcomes.synthetic.settings import ClinicSettings

_TRIED = {"ease_back": 0.5, "foam_roll": 0.4, "nsaid": 0.25, "rest": 0.6, "stretch": 0.5}
"""Decision: share of runners who tried it alone before day 0."""

_OF_THE_RUNNER = 0.8  # decision: correlation of the complaint at one visit with what the runner brings to all of them
_CENTRE, _SPREAD = -0.3, 2.5  # decision: of its points before they are cut at 0, which is told at six visits in ten


def base_distance_share(draws: Draws, runners: Runners, uniform: Floats, settings: ClinicSettings) -> Floats:
    """Distance of the four weeks before day 0 as a share of that before the injury, 0.2 to 0.9."""
    if settings.unmeasured_on_controls:
        uniform = normal_cdf(_marked(draws.normal("base_distance")[:, 0], runners.unmeasured, settings))
    share: Floats = 0.2 + 0.7 * uniform
    return share


def prior_self_care(draws: Draws, runners: Runners, settings: ClinicSettings) -> pl.Series:
    """What each patient tried alone."""
    names = list(_TRIED)
    z = draws.normal("self_care", len(names))[runners.patient]
    rolls = names.index("foam_roll")
    z[:, rolls] = _marked(z[:, rolls], runners.unmeasured, settings)
    tried = normal_cdf(z) < np.array(list(_TRIED.values()))
    answers = [";".join(name for bit, name in enumerate(names) if number >> bit & 1) for number in range(2 ** len(names))]
    return coded(("none", *answers[1:]), (tried * 2 ** np.arange(len(names))).sum(axis=1))


def upper_limb_pain(draws: Draws, runners: Runners, visits: Contacts, settings: ClinicSettings) -> pl.Series:
    """Worst pain of shoulder, arm or hand at each visit: a complaint of the runner's own, which comes and goes a little."""
    own = _marked(draws.normal("upper_limb")[runners.patient, 0], -runners.unmeasured, settings)
    at_visit = draws.normal("upper_limb_visit", SLOTS)[visits.episode, visit_slot(visits)]
    z = _OF_THE_RUNNER * own[visits.episode] + np.sqrt(1 - _OF_THE_RUNNER**2) * at_visit
    return whole(np.clip(np.rint(_CENTRE + _SPREAD * z), 0, 10))


def _marked(z: Floats, unmeasured: Floats, settings: ClinicSettings) -> Floats:
    """A standard normal number with the correlation that the settings say."""
    rho = settings.unmeasured_on_controls
    mixed: Floats = rho * unmeasured + np.sqrt(1 - rho**2) * z
    return mixed
