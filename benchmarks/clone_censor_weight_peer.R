# Clone-censor-weight in base R: long table, glm.fit, weighted curves. Usage: Rscript ... FOLDER N WEEKS REPLICATES
# Prints seconds of one fit, seconds a bootstrap replicate, megabytes that a fit adds, and the incidence of both strategies by week.
args <- commandArgs(trailingOnly = TRUE)
n <- as.integer(args[2]); weeks <- as.integer(args[3]); replicates <- as.integer(args[4])
data <- matrix(readBin(file.path(args[1], "columns"), "double", n * (5 + weeks)), n)
spline <- array(readBin(file.path(args[1], "splines"), "double", 1e6), c(weeks, 3, 2))
logit <- binomial()

curve <- function(d, s) {
  cause <- d[, 1]; end <- d[, 2]; departs <- d[, 2 + s]
  last <- pmin(end, departs)
  id <- rep.int(seq_len(nrow(d)), last)
  week <- sequence(last)
  departed <- as.double(week == departs[id])
  x <- cbind(1, d[id, 5], d[cbind(id, 5 + week)])
  log_weight <- numeric(length(id))
  first <- week == 1
  eta <- glm.fit(x[first, , drop = FALSE], departed[first], family = logit, control = list(epsilon = 1e-12))$linear.predictors
  log_weight[first] <- log1p(exp(eta))
  later <- cbind(x[!first, , drop = FALSE], spline[, , s][week[!first], ])
  eta <- glm.fit(later, departed[!first], family = logit, control = list(epsilon = 1e-12))$linear.predictors
  log_weight[!first] <- log1p(exp(eta))
  total <- cumsum(log_weight)
  start <- cumsum(last) - last + 1
  w <- exp(total - rep.int((total - log_weight)[start[last > 0]], last[last > 0]))
  counts <- departed == 0
  event <- (cause == 1)[id] & week == end[id]
  at <- factor(week, levels = seq_len(weeks))
  risk <- tapply(w * counts, at, sum, default = 0)
  hazard <- ifelse(risk > 0, tapply(w * (counts & event), at, sum, default = 0) / risk, 0)
  1 - cumprod(1 - hazard)
}
both <- function(d) c(curve(d, 1), curve(d, 2))
invisible(gc(reset = TRUE))
before <- sum(gc()[, 2])
times <- replicate(if (n > 10000) 2 else 3, system.time(both(data))[["elapsed"]])
found <- both(data)
added <- sum(gc()[, 6]) - before
looped <- 0
if (replicates > 0) {
  set.seed(1)
  looped <- system.time(for (r in seq_len(replicates)) suppressWarnings(both(data[sample.int(n, n, TRUE), ])))[["elapsed"]] / replicates
}
cat(format(c(median(times), looped, added, found), digits = 15), sep = "\n")
