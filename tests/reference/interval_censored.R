# Interval-censored incidence in R. Usage: Rscript interval_censored.R DATA_FOLDER OUTPUT.json
#
# survfit(Surv(l, r, type = "interval2")) reads closed intervals and stops when a curve moves by less than 5e-5, so it is asked
# for [left + 0.5, right] (the same sets on whole days as (left, right]) and compared loosely. The tight numbers come from an EM
# written here from the definition: every row a 0/1 vector over all (day, cause) cells, no reduction of the cells to innermost
# intersections, run until no mass moves; then every incidence at every visit day, where it is unique.
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "interval_censored.csv"))

expectation_maximisation <- function(allowed, weight) {
  p <- rep(1 / ncol(allowed), ncol(allowed))
  total <- sum(weight)
  for (sweep in 1:400000) {
    new <- p * drop(crossprod(allowed, weight / drop(allowed %*% p))) / total
    moved <- max(abs(new - p))
    p <- new
    if (moved < 1e-17) break
  }
  list(p = p, sweeps = sweep, gap = max(crossprod(allowed, weight / drop(allowed %*% p))) / total - 1)
}

fit <- function(rows, weight) {
  day <- seq(7, 84, by = 7)
  dated <- unique(rows[rows$cause >= 2, c("cause", "right")])
  # Cause 1: one cell a week; dated causes: one cell a day; and what happens after everything.
  cause <- c(rep(1, length(day)), dated$cause, 0)
  end <- c(day, dated$right, Inf)
  allowed <- t(sapply(seq_len(nrow(rows)), function(i) {
    row <- rows[i, ]
    if (row$cause == 0) as.numeric(end > row$left)
    else if (row$cause == 1) as.numeric(cause == 1 & end > row$left & end <= row$right)
    else as.numeric(cause == row$cause & end == row$right)
  }))
  solved <- expectation_maximisation(allowed, weight)
  rows_mass <- drop(allowed %*% solved$p)
  list(day = day, gap = solved$gap, log_likelihood = sum(weight * log(rows_mass)),
       incidence_1 = sapply(day, function(d) sum(solved$p[cause == 1 & end <= d])),
       incidence_2 = sapply(day, function(d) sum(solved$p[cause == 2 & end <= d])),
       incidence_3 = sapply(day, function(d) sum(solved$p[cause == 3 & end <= d])))
}

one_cause <- rows[rows$cause <= 1, ]
turnbull <- survfit(Surv(left + 0.5, right, type = "interval2") ~ 1, data = one_cause)
step <- stepfun(turnbull$time, c(1, turnbull$surv))
result <- list("competing" = fit(rows, rep(1, nrow(rows))), "competing weighted" = fit(rows, rows$weight),
               "one cause" = fit(one_cause, rep(1, nrow(one_cause))),
               "survfit interval2" = list(day = seq(7, 77, by = 7), incidence_1 = 1 - step(seq(7, 77, by = 7))))
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
