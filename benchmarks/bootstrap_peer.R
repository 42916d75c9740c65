# The weighted bootstrap in R, timed inside R. Usage: Rscript bootstrap_peer.R SAMPLE.csv tight|formulas REPLICATES CORES
# Prints the seconds of `REPLICATES` replicates (propensity fitted anew, curves, restricted means, Cox), a first one left out.
suppressMessages({library(survival); library(parallel)})
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(args[1])
replicates <- as.integer(args[3])
cores <- as.integer(args[4])
n <- nrow(rows)
horizon <- 84
covariates <- as.matrix(rows[, grep("^x", names(rows))])
design <- cbind(1, covariates)
time <- rows$time
status <- as.double(rows$event)
arm <- as.double(rows$treated)
logit <- binomial()
control <- coxph.control()
formula <- reformulate(colnames(covariates), "treated")

area <- function(t, s) {
  kept <- t <= horizon
  sum(c(1, s[kept]) * diff(c(0, t[kept], horizon)))
}
at_horizon <- function(t, s) c(1, s)[sum(t <= horizon) + 1]

tight <- function(i) {
  a <- arm[i]
  e <- glm.fit(design[i, ], a, family = logit)$fitted.values
  share <- mean(a)
  w <- ifelse(a == 1, share / e, (1 - share) / (1 - e))
  y <- Surv(time[i], status[i])
  km <- survival:::survfitKM(factor(a), y, weights = w, se.fit = FALSE)
  part <- rep(1:2, km$strata)
  t <- split(km$time, part)
  s <- split(km$surv, part)
  hr <- coxph.fit(cbind(a), y, strata = NULL, offset = NULL, init = NULL, control = control, weights = w,
                  method = "efron", rownames = NULL, resid = FALSE)$coefficients
  c(at_horizon(t[[1]], s[[1]]) - at_horizon(t[[2]], s[[2]]), area(t[[2]], s[[2]]) - area(t[[1]], s[[1]]), hr)
}
formulas <- function(i) {
  frame <- rows[i, ]
  e <- fitted(glm(formula, family = binomial, data = frame))
  share <- mean(frame$treated)
  frame$w <- ifelse(frame$treated == 1, share / e, (1 - share) / (1 - e))
  km <- survfit(Surv(time, event) ~ treated, data = frame, weights = w)
  at <- summary(km, times = horizon, extend = TRUE)$surv
  part <- rep(1:2, km$strata)
  t <- split(km$time, part)
  s <- split(km$surv, part)
  hr <- coef(coxph(Surv(time, event) ~ treated, data = frame, weights = w))
  c(at[1] - at[2], area(t[[2]], s[[2]]) - area(t[[1]], s[[1]]), hr)
}
one <- if (args[2] == "tight") tight else formulas
RNGkind("L'Ecuyer-CMRG")
set.seed(1)
invisible(one(seq_len(n)))
if (cores > 1) {
  taken <- system.time(mclapply(seq_len(replicates), function(r) one(sample.int(n, n, TRUE)), mc.cores = cores))
} else {
  taken <- system.time(for (r in seq_len(replicates)) one(sample.int(n, n, TRUE)))
}
cat(format(taken[["elapsed"]], digits = 10), one(seq_len(n)), sep = "\n")
