# Aalen-Johansen curves, their variances and restricted mean times lost from R's survival, and estimates from cmprsk.
# Usage: Rscript competing_causes.R DATA_FOLDER OUTPUT.json
library(survival)
library(cmprsk)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "right_censored.csv"))
horizons <- c(5, 12, 20)

incidence <- function(frame, formula) {
  frame$id <- seq_len(nrow(frame))
  frame$kind <- factor(frame$cause, levels = 0:3)
  fit <- survfit(formula, data = frame, weights = w, id = id, conf.type = "log-log", influence = TRUE)
  out <- list(time = fit$time, survival = fit$pstate[, 1])
  # In this version n.risk of a multi-state curve ignores the weights.
  if (all(frame$w == 1)) out$n_at_risk <- fit$n.risk[, 1]
  # The influence matrix (row, time, state) is dF/dw; the reported standard error is of w * dF/dw, but that of the restricted mean
  # forgets the weights. So it is made here from the same matrix, which is first checked to give R's own standard errors.
  influence <- (frame$w * fit$influence.pstate)[, -1, , drop = FALSE]  # the first column is time 0
  stopifnot(max(abs(sqrt(apply(influence^2, 2:3, sum)) - fit$std.err)) < 1e-12)
  width <- function(h) pmax(0, pmin(c(fit$time[-1], Inf), h) - pmin(fit$time, h))
  for (k in 1:3) {
    out[[paste0("incidence_", k)]] <- fit$pstate[, k + 1]
    out[[paste0("std_error_", k)]] <- fit$std.err[, k + 1]
    out[[paste0("conf_low_", k)]] <- fit$lower[, k + 1]
    out[[paste0("conf_high_", k)]] <- fit$upper[, k + 1]
    out[[paste0("time_lost_", k)]] <- sapply(horizons, function(h) summary(fit, rmean = h)$table[k + 1, "rmean"])
    errors <- sapply(horizons, function(h) sqrt(sum(drop(influence[, , k + 1] %*% width(h))^2)))
    if (all(frame$w == 1)) stopifnot(max(abs(errors - sapply(horizons, function(h)
      summary(fit, rmean = h)$table[k + 1, "se(rmean)"]))) < 1e-12)
    out[[paste0("time_lost_std_error_", k)]] <- errors
  }
  lapply(out, unname)
}

rows$w <- 1
weighted <- rows
weighted$w <- rows$weight
copied <- rows[rep(seq_len(nrow(rows)), rows$copies), ]
plain <- Surv(day, kind) ~ 1
entered <- Surv(entry, day, kind) ~ 1
result <- list("unweighted" = incidence(rows, plain), "copies" = incidence(copied, plain),
               "weighted" = incidence(weighted, plain), "entry" = incidence(rows, entered),
               "entry weighted" = incidence(weighted, entered))
gray <- cuminc(rows$day, rows$cause, cencode = 0)
at <- timepoints(gray, 1:20)
result[["cmprsk"]] <- list(time = 1:20, incidence_1 = unname(at$est[1, ]), incidence_2 = unname(at$est[2, ]),
                           incidence_3 = unname(at$est[3, ]))
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")),
                 cmprsk = as.character(packageVersion("cmprsk")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
