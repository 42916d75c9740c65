# Kaplan-Meier and restricted means from R's survival. Usage: Rscript survival_curves.R DATA_FOLDER OUTPUT.json
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "right_censored.csv"))
rows$event <- as.integer(rows$cause == 1)
probabilities <- c(0.05, 0.1, 0.25, 0.4, 0.5)
horizons <- c(5, 12, 20)

curve <- function(formula, weights, robust, kind) {
  frame <- rows
  frame$w <- weights
  frame$row <- seq_len(nrow(frame))
  fit <- survfit(formula, data = frame, weights = w, id = row, robust = robust, conf.type = kind, se.fit = TRUE)
  at <- summary(fit, censored = TRUE)
  quantiles <- quantile(fit, probabilities)
  out <- list(time = at$time, n_at_risk = at$n.risk, n_events = at$n.event, survival = at$surv,
              std_error = at$std.err, conf_low = at$lower, conf_high = at$upper,
              quantile = quantiles$quantile, quantile_low = quantiles$lower, quantile_high = quantiles$upper)
  # Without entry only: survmean integrates from the first entry otherwise. Its variance is Greenwood's.
  if (!robust && !grepl("entry", deparse(formula)[1])) {
    means <- lapply(horizons, function(h) unname(survival:::survmean(fit, rmean = h)$matrix[c("rmean", "se(rmean)")]))
    out$restricted_mean <- sapply(means, `[[`, 1)
    out$restricted_mean_std_error <- sapply(means, `[[`, 2)
  }
  lapply(out, unname)
}

n <- nrow(rows)
result <- list()
for (kind in c("plain", "log", "log-log", "logit")) {
  plain <- Surv(day, event) ~ 1
  entered <- Surv(entry, day, event) ~ 1
  result[[paste("unweighted", kind, sep = "/")]] <- curve(plain, rep(1, n), FALSE, kind)
  result[[paste("copies", kind, sep = "/")]] <- curve(plain, rows$copies, FALSE, kind)
  result[[paste("weighted", kind, sep = "/")]] <- curve(plain, rows$weight, TRUE, kind)
  result[[paste("entry", kind, sep = "/")]] <- curve(entered, rep(1, n), FALSE, kind)
  result[[paste("entry weighted", kind, sep = "/")]] <- curve(entered, rows$weight, TRUE, kind)
}
original <- rows
for (divisor in c(7, 365.25)) {
  rows <- original
  rows$day <- rows$day / divisor
  rows$entry <- rows$entry / divisor
  horizons <- c(5, 12, 20) / divisor
  result[[paste("unweighted days over", divisor)]] <- curve(Surv(day, event) ~ 1, rep(1, n), FALSE, "log-log")
  result[[paste("entry days over", divisor)]] <- curve(Surv(entry, day, event) ~ 1, rep(1, n), FALSE, "log-log")
}
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
