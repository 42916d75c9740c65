# The weighted interval-censored bootstrap in R, timed inside R. Usage: Rscript ... COLUMNS N tight|formulas REPLICATES
# Prints the seconds of the replicates, then the incidence differences at days 56 and 84 in the sample itself.
suppressMessages(library(survival))
args <- commandArgs(trailingOnly = TRUE)
n <- as.integer(args[2]); replicates <- as.integer(args[4])
data <- matrix(readBin(args[1], "double", n * 9), n)
left <- data[, 1]; right <- data[, 2]; arm <- data[, 3]; x <- data[, 4:9]
ends <- c(14, 28, 56, 84, 126, 182, 1e6)
days <- c(56, 84)
logit <- binomial()

tight <- function(i) {
  e <- glm.fit(cbind(1, x[i, ]), arm[i], family = logit)$fitted.values
  found <- lapply(0:1, function(a) {
    own <- arm[i] == a
    w <- if (a == 1) 1 / e[own] else 1 / (1 - e[own])
    key <- left[i][own] * 1e7 + right[i][own]
    seen <- unique(key)
    w <- as.vector(rowsum(w, match(key, seen)))
    covers <- outer(seen %/% 1e7, ends, "<") & outer(seen %% 1e7, ends, ">=")
    mass <- rep(1 / length(ends), length(ends))
    for (step in 1:5000) {
      total <- as.vector(covers %*% mass)
      new <- mass * as.vector((w / total) %*% covers) / sum(w)
      moved <- max(abs(new - mass)); mass <- new
      if (moved < 1e-9) break
    }
    sapply(days, function(d) sum(mass[ends <= d]))
  })
  found[[2]] - found[[1]]
}
formulas <- function(i) {
  frame <- data.frame(left = left[i] + 0.5, right = ifelse(right[i] > 1e5, NA, right[i]), arm = arm[i], x[i, ])
  frame$left[left[i] == 0] <- NA
  e <- fitted(glm(arm ~ X1 + X2 + X3 + X4 + X5 + X6, family = binomial, data = frame))
  frame$w <- ifelse(frame$arm == 1, 1 / e, 1 / (1 - e))
  known <- !(is.na(frame$left) & is.na(frame$right))
  at <- sapply(0:1, function(a) {
    fit <- survfit(Surv(left, right, type = "interval2") ~ 1, data = frame[known & frame$arm == a, ],
                   weights = frame$w[known & frame$arm == a])
    1 - summary(fit, times = days + 0.25, extend = TRUE)$surv
  })
  at[, 2] - at[, 1]
}
one <- if (args[3] == "tight") tight else formulas
set.seed(1)
invisible(one(seq_len(n)))
taken <- system.time(for (r in seq_len(replicates)) one(sample.int(n, n, TRUE)))
cat(format(c(taken[["elapsed"]], one(seq_len(n))), digits = 15), sep = "\n")
