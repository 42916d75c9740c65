# State occupancy with returns from R's survival (survfit with id). Usage: Rscript state_occupancy.R DATA_FOLDER OUTPUT.json
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "relapses.csv"))
states <- c("s0", "s1", "s2", "s3")
rows$kind <- factor(ifelse(rows$from_state == rows$to_state, 0, rows$to_state + 1), 0:4, c("censored", states))
rows$now <- factor(rows$from_state, 0:3, states)
horizons <- c(10, 25, 40)

take <- function(fit, weighted, unit) {
  out <- list(time = fit$time)
  for (s in 1:4) {
    out[[paste0("probability_", s - 1)]] <- fit$pstate[, s]
    # Once a probability is 0 apart from rounding, R's limits are noise.
    low <- fit$lower[, s]; high <- fit$upper[, s]
    low[fit$pstate[, s] < 1e-12] <- NA; high[fit$pstate[, s] < 1e-12] <- NA
    out[[paste0("std_error_", s - 1)]] <- fit$std.err[, s]
    out[[paste0("conf_low_", s - 1)]] <- low
    out[[paste0("conf_high_", s - 1)]] <- high
    means <- lapply(horizons, function(h) summary(fit, rmean = h)$table[s, ])
    out[[paste0("mean_", s - 1)]] <- sapply(means, `[[`, "rmean")
    if (!weighted && "se(rmean)" %in% names(means[[1]])) out[[paste0("mean_std_error_", s - 1)]] <- sapply(means, `[[`, "se(rmean)")
  }
  lapply(out, unname)
}
result <- list()
# Without influence = TRUE this version of R leaves the estimated initial distribution out of the standard errors.
result[["plain"]] <- take(survfit(Surv(start, stop, kind) ~ 1, rows, id = subject, istate = now, conf.type = "log-log", influence = TRUE), FALSE)
result[["weighted"]] <- take(survfit(Surv(start, stop, kind) ~ 1, rows, id = subject, istate = now, weights = weight,
                                     conf.type = "log-log", influence = TRUE), TRUE)
copied <- rows[rep(seq_len(nrow(rows)), rows$copies), ]
copied$subject <- paste(copied$subject, sequence(rows$copies))
copied <- copied[order(copied$subject, copied$start), ]
result[["copies"]] <- take(survfit(Surv(start, stop, kind) ~ 1, copied, id = subject, istate = now, conf.type = "log-log", influence = TRUE), FALSE)
known <- c(0.7, 0.3, 0, 0)
result[["known"]] <- take(survfit(Surv(start, stop, kind) ~ 1, rows, id = subject, istate = now, p0 = known, conf.type = "log-log",
                                  influence = TRUE), TRUE)

# With id, cluster= changes nothing in this version of R. So the standard errors are made from the influence matrix (subject, time,
# state), summed within clusters, after checking that summed by subject it gives R's own.
clustered <- function(weights) {
  rows$w <- weights
  fit <- survfit(Surv(start, stop, kind) ~ 1, rows, id = subject, istate = now, weights = w, influence = TRUE)
  own <- tapply(rows$w, rows$subject, function(x) x[1])
  influence <- fit$influence.pstate
  if (dim(influence)[2] > length(fit$time)) influence <- influence[, -1, , drop = FALSE]  # the first column is the origin
  influence <- influence * as.vector(own)
  stopifnot(max(abs(sqrt(apply(influence^2, 2:3, sum)) - fit$std.err)) < 1e-12)
  pair <- tapply(rows$cluster, rows$subject, function(x) x[1])
  out <- list(time = fit$time)
  for (s in 1:4) {
    out[[paste0("probability_", s - 1)]] <- fit$pstate[, s]
    out[[paste0("std_error_", s - 1)]] <- sqrt(colSums(rowsum(influence[, , s], as.vector(pair))^2))
  }
  out
}
result[["clustered"]] <- clustered(rep(1, nrow(rows)))
result[["clustered weighted"]] <- clustered(rows$weight)
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
