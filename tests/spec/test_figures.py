"""Figures draw tables: what is unknown is drawn as unknown, every curve has its counts, the same table gives the same bytes."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis import fit_tables
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.estimators import (
    aalen_johansen,
    cox,
    interval_censored_incidence,
    kaplan_meier,
    proportional_hazards_test,
    restricted_mean,
    spline_incidence,
)
from tendon_outcomes.reporting.figures import Figure, forest_figure, incidence_figure, log_minus_log_figure, schoenfeld_figure

# Six runners: seen at days 14, 28 and 56; one had surgery on day 20, one was last seen on day 28.
LEFT = [0.0, 14.0, 14.0, 28.0, 19.0, 28.0]
RIGHT = [14.0, 28.0, 28.0, 56.0, 20.0, np.inf]
CAUSE = [1, 1, 1, 1, 2, 0]


def dated(stratum: str, shift: int = 0) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A small curve of dated events with everything that is drawn of it."""
    time, cause = [day + shift for day in (10, 20, 20, 35, 50, 84)], [1, 1, 2, 0, 1, 0]
    fit = aalen_johansen(time, cause)
    mean = restricted_mean(kaplan_meier(time, np.array(cause) == 1), horizon=70)
    return (
        fit_tables.stretches(fit, stratum=stratum),
        fit_tables.counts(fit, [0, 28, 56, 84], stratum=stratum),
        fit_tables.milestones(fit, [28, 56], stratum=stratum),
        fit_tables.mean_marks(mean, stratum=stratum),
    )


def layers_of(figure: Figure, geom: str) -> list[pl.DataFrame]:
    """The data of every layer of one kind, as plotnine was told them."""
    return [
        pl.DataFrame(dict(layer.mapping)) for layer in figure.plot.layers if type(layer.geom).__name__ == geom and layer.mapping
    ]


def test_stretches_of_interval_censored_data_leave_the_cells_out() -> None:
    # Exact: cells (0, 14], (14, 28] and (28, 56] rise; known on 0, 14, 28 and 56 alone. Day 28: 3 of 6 reached it, 1 had surgery.
    fit = interval_censored_incidence(LEFT, RIGHT, CAUSE)
    table = fit_tables.stretches(fit)
    assert table["day"].to_list() == [0.0, 14.0, 28.0, 56.0]
    assert table["until"].to_list() == [0.0, 14.0, 28.0, 56.0]
    assert table["estimate"].to_list() == pytest.approx([0.0, 1 / 6, 1 / 2, 5 / 6], abs=1e-9)


def test_stretches_of_a_dated_competing_cause_are_steps() -> None:
    # Exact: the one operation falls on day 20; the curve is known before and after.
    table = fit_tables.stretches(interval_censored_incidence(LEFT, RIGHT, CAUSE), cause=2)
    assert table["day"].to_list()[:2] == [0.0, 20.0]
    assert table["until"].to_list()[0] == 20.0


def test_stretches_of_dated_events_leave_no_gap() -> None:
    # Exact.
    table = dated("all")[0]
    assert table["until"].to_list()[:-1] == table["day"].to_list()[1:]
    assert table["estimate"].to_list()[0] == 0.0


def test_counts_add_up_to_everybody_on_every_day() -> None:
    # Exact: by hand, six runners each.
    table = dated("all")[1]
    assert table.select(pl.sum_horizontal("n_at_risk", "n_events", "n_censored")).to_series().to_list() == [6.0] * 4
    assert table["n_events"].to_list() == [0, 2, 3, 3]
    assert table["n_censored"].to_list() == [0, 1, 2, 2]  # who is censored on day 84 is still followed on it
    table = fit_tables.counts(interval_censored_incidence(LEFT, RIGHT, CAUSE), [0, 14, 28, 56])
    assert table["n_events"].to_list() == [0, 1, 3, 4]
    assert table["n_censored"].to_list() == [0, 0, 1, 2]
    assert table["n_at_risk"].to_list() == [6, 5, 2, 0]


def test_an_open_day_has_bounds_in_place_of_an_estimate() -> None:
    # Exact: on day 21 the mass of (14, 28] is somewhere; on day 28 it is in.
    table = fit_tables.milestones(interval_censored_incidence(LEFT, RIGHT, CAUSE), [21, 28])
    assert table["estimate"].to_list() == [None, pytest.approx(0.5)]
    assert table["bound_low"].to_list() == [pytest.approx(1 / 6), None]
    assert table["bound_high"].to_list() == [pytest.approx(0.5), None]


def test_between_two_looks_a_box_and_no_line() -> None:
    # Exact: three cells, three boxes from the earlier to the later value; no horizontal line crosses them.
    fit = interval_censored_incidence(LEFT, RIGHT, CAUSE)
    figure = incidence_figure(fit_tables.stretches(fit), fit_tables.counts(fit, [0, 28, 56]), horizon_days=56)
    boxes = [table for table in layers_of(figure, "geom_rect") if table["ymin"].to_list()[0] == 0.0]
    assert len(boxes) == 1
    assert boxes[0]["xmin"].to_list() == [0.0, 2.0, 4.0]
    assert boxes[0]["xmax"].to_list() == [2.0, 4.0, 8.0]
    assert boxes[0]["ymax"].to_list() == pytest.approx([1 / 6, 1 / 2, 5 / 6], abs=1e-9)
    flat = [table for table in layers_of(figure, "geom_segment") if table["y"].to_list() == table["yend"].to_list()]
    assert flat == []


def test_every_curve_has_its_counts_and_marks() -> None:
    # Exact: what is printed stands in the SVG as text.
    parts = list(zip(dated("loading"), dated("stretching", 6), strict=True))
    stretches, counts, milestones, means = (pl.concat(pair) for pair in parts)
    figure = incidence_figure(stretches, counts, horizon_days=90, milestones=milestones, means=means, window_weeks=(8, 12))
    text = re.sub(r"<[^>]+>", "\n", figure.svg())
    for label in ("Still followed, loading", "Reached, stretching", "Left, loading", "mean time without it"):
        assert label in text
    assert figure.svg() == figure.svg()
    assert "loading: 33" in figure.words
    assert figure.png()[:4] == b"\x89PNG"


def test_a_group_too_many_is_refused() -> None:
    tables = [dated(f"group {i}") for i in range(7)]
    with pytest.raises(WrongUse, match="7 curves"):
        incidence_figure(pl.concat([t[0] for t in tables]), pl.concat([t[1] for t in tables]), horizon_days=90)
    with pytest.raises(WrongUse, match="no column until"):
        incidence_figure(tables[0][0].drop("until"), tables[0][1], horizon_days=90)


def test_log_minus_log_of_a_share() -> None:
    # Exact: a share of 1 - 1/e stands at height 0.
    share = 1 - np.exp(-1)
    table = pl.DataFrame(
        {"stratum": ["a", "a"], "day": [0.0, 7.0], "until": [7.0, 14.0], "estimate": [0.0, share], "conf_low": [0.0] * 2}
    ).with_columns(conf_high=pl.lit(1.0))
    steps = layers_of(log_minus_log_figure(table), "geom_step")
    assert steps[0]["y"].to_list() == pytest.approx([0.0, 0.0], abs=1e-12)
    with pytest.raises(WrongUse, match="nothing to draw"):
        log_minus_log_figure(table.filter(pl.col("estimate") == 0.0))


def test_schoenfeld_points_only_inside_the_clinic() -> None:
    # Exact: every point is a patient's event; without `internal` there is none in the drawing.
    residuals = pl.DataFrame({"term": ["age"] * 3, "day": [7.0, 14.0, 21.0], "residual": [0.1, -0.2, 0.3]})
    smooth = pl.DataFrame({"term": ["age"] * 2, "day": [7.0, 21.0], "estimate": [0.1, 0.2]}).with_columns(
        conf_low=pl.col("estimate") - 1, conf_high=pl.col("estimate") + 1
    )
    tests = pl.DataFrame({"term": ["age"], "statistic": [3.2], "df": [1], "p_value": [0.00021]})
    shared = schoenfeld_figure(residuals, smooth, tests)
    inside = schoenfeld_figure(residuals, smooth, tests, internal=True)
    assert layers_of(shared, "geom_point") == []
    assert len(layers_of(inside, "geom_point")[0]) == 3
    assert "internal" in inside.svg()
    assert "internal" not in shared.svg()
    assert "p &lt; 0.001" in shared.svg()


def test_a_refused_row_keeps_its_line_in_a_forest() -> None:
    # Exact.
    table = pl.DataFrame(
        {
            "label": ["12 weeks", "52 weeks"],
            "estimate": [None, 0.6],
            "conf_low": [None, 0.4],
            "conf_high": [None, 0.9],
            "n": [8, 1300],
            "warning": ["fewer than 5 events: refused", None],
        }
    )
    figure = forest_figure(table, scale="ratio", axis_title="Hazard ratio", left_words="slower", right_words="faster")
    text = re.sub(r"<[^>]+>", "\n", figure.svg())
    assert "fewer than 5 events: refused" in text
    assert "0.60  (0.40 to 0.90)" in text
    assert figure.words == "Hazard ratio. 12 weeks: fewer than 5 events: refused; 52 weeks: 0.6 (0.4 to 0.9)."
    bare = table.with_columns(conf_low=pl.lit(None, pl.Float64))
    assert forest_figure(bare, scale="difference", axis_title="Difference").words.endswith("52 weeks: +60.")
    with pytest.raises(WrongUse, match="logarithmic"):
        forest_figure(table.with_columns(conf_low=pl.lit(0.0)), scale="ratio", axis_title="Hazard ratio")


def test_a_cox_fit_becomes_a_forest_and_its_residuals_a_figure() -> None:
    # Exact: the tables hold what the fit says.
    rng = np.random.default_rng(5)
    x = rng.normal(size=(80, 2))
    fit = cox(rng.integers(1, 60, 80), rng.random(80) < 0.8, x, names=("age", "duration"))
    table = fit_tables.ratios(fit.coefficients, n=80)
    assert table["label"].to_list() == ["age", "duration"]
    np.testing.assert_allclose(table["estimate"].to_numpy(), fit.hazard_ratios().estimate, rtol=1e-12)
    assert "age" in forest_figure(table, scale="ratio", axis_title="Hazard ratio").words
    tables = fit_tables.schoenfeld(proportional_hazards_test(fit))
    assert tables.residuals.height == 2 * fit.n_events
    assert "duration: χ²" in schoenfeld_figure(*tables).words


def test_a_smooth_companion_is_drawn_over_the_boxes() -> None:
    # Exact: the line holds the companion's values.
    rng = np.random.default_rng(6)
    right = rng.choice([14.0, 28.0, 56.0, 84.0], 60)
    fit = spline_incidence(right - 14, right, np.ones(60, dtype=int))
    days = [7.0, 28.0, 56.0]
    smooth = fit_tables.smooth_curve(fit, days)
    np.testing.assert_allclose(smooth["estimate"].to_numpy(), fit.at(1, days).estimate)
    steps = interval_censored_incidence(right - 14, right, np.ones(60, dtype=int))
    figure = incidence_figure(fit_tables.stretches(steps), fit_tables.counts(steps, [0, 28]), horizon_days=84, smooth=smooth)
    assert layers_of(figure, "geom_line")[0]["y"].to_list() == smooth["estimate"].to_list()
