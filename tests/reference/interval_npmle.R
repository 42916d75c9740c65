# The interval-censored estimate with late entry, its standard errors, likelihood-ratio limits and rank tests in R.
# Usage: Rscript interval_npmle.R DATA_FOLDER OUTPUT.json
#
# No package of this R has them for competing causes or late entry, so they are written here from the definition: every row a 0/1
# vector over all (week, cause) cells and, with late entry, a second one over what it is given. EM (p d / c), then Newton on the
# cells with mass under sum p = 1; `gap` is the largest gain that any cell would bring. Limits by uniroot on the profile
# likelihood. Rank tests: brackets of Sun (1996) and Finkelstein (1986) from S, and survdiff and coxph's martingale residuals on dated data.
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "interval_censored.csv"))
rows$number <- seq_len(nrow(rows)) - 1
rows$entry <- ifelse(rows$number %% 3 == 0, pmin(7 * (rows$number %% 4), 7 * (rows$left %/% 7)), 0)
rows$group <- c("a", "b", "c")[1 + (rows$number * 7) %% 3]

cells <- function(rows) {
  dated <- unique(rows[rows$cause >= 2, c("cause", "right")])
  day <- seq(7, 84, by = 7)
  list(cause = c(rep(1, length(day)), dated$cause, 0), end = c(day, dated$right, Inf))
}
allowed_by <- function(rows, cell) {
  t(sapply(seq_len(nrow(rows)), function(i) {
    row <- rows[i, ]
    if (row$cause == 0) as.numeric(cell$end > row$left)
    else if (row$cause == 1) as.numeric(cell$cause == 1 & cell$end > row$left & cell$end <= row$right)
    else as.numeric(cell$cause == row$cause & cell$end == row$right)
  }))
}
given_to <- function(rows, cell, entry) t(sapply(entry, function(e) as.numeric(cell$end > e)))

log_likelihood <- function(a, b, w, p) sum(w * (log(drop(a %*% p)) - log(drop(b %*% p))))
gain <- function(a, b, w, p) drop(crossprod(a, w / drop(a %*% p)) - crossprod(b, w / drop(b %*% p)))
bent <- function(a, b, w, p) crossprod(a * sqrt(w) / drop(a %*% p)) - crossprod(b * sqrt(w) / drop(b %*% p))

# The maximum under fixed sums of masses over the columns of `sums` (one 0/1 column a sum).
solve_for <- function(a, b, w, sums, values, sweeps = 3000) {
  p <- rowSums(sapply(seq_along(values), function(k) values[k] * sums[, k] / sum(sums[, k])))
  for (s in seq_len(sweeps)) {
    p <- p * drop(crossprod(a, w / drop(a %*% p))) / pmax(drop(crossprod(b, w / drop(b %*% p))), 1e-300)
    p <- rowSums(sapply(seq_along(values), function(k) {
      part <- p * sums[, k]
      if (sum(part) > 0) values[k] * part / sum(part) else values[k] * sums[, k] / sum(sums[, k])
    }))
  }
  held <- p > 1e-7
  p[!held] <- 0
  for (k in seq_along(values)) p[sums[, k] > 0] <- p[sums[, k] > 0] * values[k] / sum(p[sums[, k] > 0])
  # Newton under the fixed sums; a cell that would turn negative leaves, and when all is still, a cell that would gain enters.
  for (step in 1:500) {
    h <- bent(a[, held], b[, held], w, p[held])
    g <- gain(a[, held], b[, held], w, p[held])
    border <- cbind(rbind(h, t(sums[held, , drop = FALSE])), rbind(sums[held, , drop = FALSE], matrix(0, ncol(sums), ncol(sums))))
    solved <- solve(border, c(g, rep(0, ncol(sums))), tol = 1e-30)
    move <- solved[seq_len(sum(held))]
    down <- move < 0
    reach <- if (any(down)) min(-p[held][down] / move[down]) else Inf
    p[held] <- p[held] + min(1, reach) * move
    if (reach < 1) {
      gone <- which(held)[which(down)[which.min(-(p[held] - min(1, reach) * move)[down] / move[down])]]
      p[gone] <- 0
      held[gone] <- FALSE
      next
    }
    if (max(abs(move)) > 1e-14) next
    price <- drop(sums %*% solved[-seq_len(sum(held))])
    gaining <- gain(a, b, w, p) - price
    gaining[held] <- 0
    if (max(gaining) < 1e-9) break
    enters <- which.max(gaining)
    held[enters] <- TRUE
    p[enters] <- 1e-6
    part <- which(sums[enters, ] > 0)
    inside <- sums[, part] > 0
    p[inside] <- p[inside] * values[part] / sum(p[inside])
  }
  p
}

fit <- function(rows, weight, entry) {
  cell <- cells(rows)
  a <- allowed_by(rows, cell)
  b <- given_to(rows, cell, entry)
  everything <- matrix(1, length(cell$end), 1)
  p <- solve_for(a, b, weight, everything, 1)
  held <- p > 0
  k <- sum(held)
  border <- rbind(cbind(bent(a[, held], b[, held], weight, p[held]), 1), c(rep(1, k), 0))
  inverse <- solve(border, tol = 1e-30)[1:k, 1:k]
  scores <- weight * (a[, held] / drop(a %*% p) - b[, held] / drop(b %*% p))
  sandwich <- inverse %*% crossprod(scores) %*% inverse
  day <- seq(7, 77, by = 7)
  result <- list(day = day, gap = max(gain(a, b, weight, p)) / sum(weight), log_likelihood = log_likelihood(a, b, weight, p))
  for (cause in 1:3) {
    by_then <- t(sapply(day, function(d) as.numeric(cell$cause[held] == cause & cell$end[held] <= d)))
    if (!any(cell$cause == cause)) next
    result[[paste0("incidence_", cause)]] <- drop(by_then %*% p[held])
    result[[paste0("std_error_", cause)]] <- sqrt(pmax(rowSums((by_then %*% inverse) * by_then), 0))
    result[[paste0("robust_error_", cause)]] <- sqrt(pmax(rowSums((by_then %*% sandwich) * by_then), 0))
  }
  result
}

limits <- function(rows, entry, days) {
  cell <- cells(rows)
  a <- allowed_by(rows, cell)
  b <- given_to(rows, cell, entry)
  w <- rep(1, nrow(rows))
  p <- solve_for(a, b, w, matrix(1, length(cell$end), 1), 1)
  best <- log_likelihood(a, b, w, p)
  ends <- sapply(days, function(day) {
    inside <- as.numeric(cell$cause == 1 & cell$end <= day)
    peak <- sum(p[inside > 0])
    beyond <- function(share) {
      q <- solve_for(a, b, w, cbind(inside, 1 - inside), c(share, 1 - share))
      2 * (best - log_likelihood(a, b, w, q)) - qchisq(0.95, 1)
    }
    reach <- 3 * sqrt(peak * (1 - peak) / nrow(rows)) * 1.5
    c(uniroot(beyond, c(max(peak - reach, 0.005), peak - 1e-4), tol = 1e-10)$root,
      uniroot(beyond, c(peak + 1e-4, min(peak + reach, 0.995)), tol = 1e-10)$root)
  })
  list(day = days, conf_low = ends[1, ], conf_high = ends[2, ])
}

rank_test <- function(rows, kind) {
  cell <- cells(rows)
  a <- allowed_by(rows, cell)
  p <- solve_for(a, matrix(1, nrow(a), ncol(a)), rep(1, nrow(rows)), matrix(1, length(cell$end), 1), 1)
  p[p < 1e-11] <- 0
  after <- 1 - cumsum(p)
  survival <- function(t) if (is.infinite(t)) 0 else if (t < 7) 1 else after[t / 7]
  hazard <- ifelse(p > 0, p / c(1, after[-length(after)]), 0)
  logarithm <- function(t) if (t < 7) 0 else if (kind == "log-rank") -sum(hazard[seq_len(t / 7)]) else log(survival(t))
  bracket <- function(t) if (is.infinite(t)) 0 else survival(t) * logarithm(t)
  right <- ifelse(is.na(rows$right), Inf, rows$right)
  score <- sapply(seq_len(nrow(rows)), function(i) {
    probability <- survival(rows$left[i]) - survival(right[i])
    if (kind == "peto") survival(rows$left[i]) + survival(right[i]) - 1
    else (bracket(rows$left[i]) - bracket(right[i])) / probability
  })
  summarised(score, rows$group)
}
summarised <- function(score, group) {
  n <- as.numeric(table(group))
  spread <- var(score) * (diag(n) - outer(n, n) / length(score))
  total <- as.numeric(tapply(score, group, sum))
  list(total = total, variance = as.numeric(spread), statistic = sum(total[-1] * solve(spread[-1, -1], total[-1])))
}

one_cause <- rows[rows$cause <= 1, ]
dated <- read.csv(file.path(args[1], "right_censored.csv"))
dated$event <- as.numeric(dated$cause == 1)
dated$group <- c("a", "b", "c")[1 + ((seq_len(nrow(dated)) - 1) * 7) %% 3]
residual <- residuals(coxph(Surv(day, event) ~ 1, data = dated, ties = "breslow"), type = "martingale")
usual <- function(rho) {
  test <- survdiff(Surv(day, event) ~ group, data = dated, rho = rho)
  list(total = as.numeric(test$obs - test$exp))
}
result <- list("plain" = fit(rows, rep(1, nrow(rows)), rep(0, nrow(rows))),
               "weighted" = fit(rows, rows$weight, rep(0, nrow(rows))),
               "entry" = fit(rows, rep(1, nrow(rows)), rows$entry),
               "entry weighted" = fit(rows, rows$weight, rows$entry),
               "one cause entry" = fit(one_cause, rep(1, nrow(one_cause)), one_cause$entry),
               "limits" = limits(rows, rep(0, nrow(rows)), c(14, 28, 42, 56)),
               "limits entry" = limits(rows, rows$entry, c(14, 28, 42, 56)),
               "test log-rank" = rank_test(one_cause, "log-rank"),
               "test peto" = rank_test(one_cause, "peto"),
               "test finkelstein" = rank_test(one_cause, "finkelstein"),
               "dated log-rank" = c(usual(0), list(variance = summarised(residual, dated$group)$variance)),
               "dated peto" = usual(1))
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
