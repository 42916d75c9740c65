# Clusters, groups and their comparisons from R's survival; Aalen's variance from cmprsk; beta quantiles from base R.
# Usage: Rscript clustered_curves.R DATA_FOLDER OUTPUT.json
library(survival)
library(cmprsk)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "right_censored.csv"))
n <- nrow(rows)
rows$row <- seq_len(n)
rows$event <- as.integer(rows$cause == 1)
rows$kind <- factor(rows$cause, levels = 0:3)
rows$patient <- (rows$row - 1) %/% 2         # pairs of neighbours: one row of each group
rows$clinic <- (rows$row * 7) %% 23
rows$group <- ifelse(rows$row %% 2 == 1, "loading", "both")
days <- c(3, 8, 12, 15, 20)
horizons <- c(5, 12, 20)
result <- list()

# Kaplan-Meier in clusters: R's own robust standard errors and log-log limits.
survival_in_clusters <- function(formula, weights, label) {
  frame <- rows
  frame$w <- weights
  frame$label <- frame[[label]]
  fit <- survfit(formula, data = frame, weights = w, cluster = label, id = row, robust = TRUE, conf.type = "log-log")
  at <- summary(fit, censored = TRUE)
  lapply(list(time = at$time, n_at_risk = at$n.risk, survival = at$surv, std_error = at$std.err, conf_low = at$lower,
              conf_high = at$upper), unname)
}
for (label in c("patient", "clinic")) {
  result[[paste("survival", label, "unweighted")]] <- survival_in_clusters(Surv(day, event) ~ 1, rep(1, n), label)
  result[[paste("survival", label, "weighted")]] <- survival_in_clusters(Surv(day, event) ~ 1, rows$weight, label)
  result[[paste("survival", label, "copies")]] <- survival_in_clusters(Surv(day, event) ~ 1, rows$copies, label)
  result[[paste("survival", label, "entry weighted")]] <- survival_in_clusters(Surv(entry, day, event) ~ 1, rows$weight, label)
}

# Multi-state curves of this version ignore `cluster` when `id` is given: the influence of each row is summed here.
incidence_in_clusters <- function(formula, weights, label) {
  frame <- rows
  frame$w <- weights
  fit <- survfit(formula, data = frame, weights = w, id = row, influence = TRUE)
  influence <- (frame$w * fit$influence.pstate)[, -1, , drop = FALSE]
  stopifnot(max(abs(sqrt(apply(influence^2, 2:3, sum)) - fit$std.err)) < 1e-12)
  width <- function(h) pmax(0, pmin(c(fit$time[-1], Inf), h) - pmin(fit$time, h))
  out <- list(time = fit$time)
  for (k in 1:3) {
    grouped <- rowsum(influence[, , k + 1], frame[[label]])
    out[[paste0("incidence_", k)]] <- fit$pstate[, k + 1]
    out[[paste0("std_error_", k)]] <- sqrt(colSums(grouped^2))
    out[[paste0("time_lost_std_error_", k)]] <- sapply(horizons, function(h) sqrt(sum((grouped %*% width(h))^2)))
  }
  lapply(out, unname)
}
for (label in c("patient", "clinic")) {
  result[[paste("incidence", label, "unweighted")]] <- incidence_in_clusters(Surv(day, kind) ~ 1, rep(1, n), label)
  result[[paste("incidence", label, "weighted")]] <- incidence_in_clusters(Surv(day, kind) ~ 1, rows$weight, label)
  result[[paste("incidence", label, "entry weighted")]] <- incidence_in_clusters(Surv(entry, day, kind) ~ 1, rows$weight, label)
}

# Two groups: strata of one survfit, and comparisons of their curves without and with the patients in common.
by_group <- survfit(Surv(day, event) ~ group, data = rows, conf.type = "log-log")
at <- summary(by_group, times = days)
for (g in c("both", "loading")) {
  in_group <- at$strata == paste0("group=", g)
  result[[paste("group", g)]] <- lapply(list(day = days, survival = at$surv[in_group], std_error = at$std.err[in_group],
                                             conf_low = at$lower[in_group], conf_high = at$upper[in_group]), unname)
}
fit_of <- function(g, outcome, weights) {
  frame <- rows[rows$group == g, ]
  frame$w <- weights[rows$group == g]
  frame$y <- frame[[outcome]]
  fit <- survfit(Surv(day, y) ~ 1, data = frame, weights = w, id = row, influence = TRUE, robust = TRUE)
  # The influence of a single-state curve comes multiplied by the weights, that of a multi-state curve does not; either way it
  # must give R's own standard errors.
  influence <- if (outcome == "event") fit$influence.surv else frame$w * fit$influence.pstate[, -1, 2]
  value <- if (outcome == "event") fit$surv else fit$pstate[, 2]
  errors <- if (outcome == "event") fit$std.err else fit$std.err[, 2]
  stopifnot(max(abs(sqrt(colSums(influence^2)) - errors)) < 1e-12)
  list(time = fit$time, value = value, patient = frame$patient, influence = influence)
}
start_of <- function(outcome) if (outcome == "event") 1 else 0
on_day <- function(fit, day, outcome) {
  k <- findInterval(day, fit$time)
  list(estimate = fit$value[k], influence = fit$influence[, k], patient = fit$patient)
}
mean_to <- function(fit, horizon, outcome) {
  width <- pmax(0, pmin(c(fit$time[-1], Inf), horizon) - pmin(fit$time, horizon))
  list(estimate = min(fit$time[1], horizon) * start_of(outcome) + sum(fit$value * width),
       influence = drop(fit$influence %*% width), patient = fit$patient)
}
compared <- function(one, other) {
  change <- rowsum(c(one$influence, -other$influence), c(one$patient, other$patient))
  relative <- rowsum(c(one$influence / one$estimate, -other$influence / other$estimate), c(one$patient, other$patient))
  c(one$estimate - other$estimate, sqrt(sum(change^2)), one$estimate / other$estimate, sqrt(sum(relative^2)))
}
for (outcome in c("event", "kind")) for (weighting in c("unweighted", "weighted")) {
  weights <- if (weighting == "weighted") rows$weight else rep(1, n)
  fits <- lapply(c("loading", "both"), fit_of, outcome = outcome, weights = weights)
  milestones <- sapply(days, function(d) do.call(compared, lapply(fits, on_day, day = d, outcome = outcome)))
  means <- sapply(horizons, function(h) do.call(compared, lapply(fits, mean_to, horizon = h, outcome = outcome)))
  what <- if (outcome == "event") "survival" else "incidence"
  result[[paste("comparison", what, weighting)]] <- list(
    difference = milestones[1, ], difference_std_error = milestones[2, ], ratio = milestones[3, ],
    ratio_std_error = milestones[4, ], mean_difference = means[1, ], mean_difference_std_error = means[2, ],
    mean_ratio = means[3, ], mean_ratio_std_error = means[4, ])
}

# Aalen's variance, as cmprsk reports it; with groups too.
gray <- timepoints(cuminc(rows$day, rows$cause, cencode = 0), 1:20)
result[["aalen variance"]] <- list(day = 1:20, std_error_1 = unname(sqrt(gray$var[1, ])), std_error_2 = unname(sqrt(gray$var[2, ])),
                                   std_error_3 = unname(sqrt(gray$var[3, ])))

# Beta product limits from their definition with R's qbeta, on the first 30 rows, before they are made monotone.
few <- rows[1:30, ]
times <- sort(unique(few$day))
mean_upper <- 1
second_upper <- 1
low <- high <- numeric(0)
quantile_of <- function(p, m, s) qbeta(p, m * (m - s) / (s - m^2), (1 - m) * (m - s) / (s - m^2))
for (t in times) {
  at_risk <- sum(few$day >= t)
  d <- sum(few$day == t & few$event == 1)
  after <- sum(few$day > t)
  if (d > 0) {
    a <- at_risk - d + 1
    mean_upper <- mean_upper * a / (a + d)
    second_upper <- second_upper * a * (a + 1) / ((a + d) * (a + d + 1))
  }
  low <- c(low, if (after == 0) 0 else quantile_of(0.025, mean_upper * after / (after + 1), second_upper * after / (after + 2)))
  high <- c(high, if (mean_upper == 1) 1 else quantile_of(0.975, mean_upper, second_upper))
}
result[["beta product"]] <- list(time = times, conf_low = cummin(low), conf_high = rev(cummax(rev(high))))
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")),
                 cmprsk = as.character(packageVersion("cmprsk")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
