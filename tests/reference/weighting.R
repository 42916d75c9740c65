# Logistic and multinomial regressions, propensities, balancing weights, balance, and weighted analyses, by R.
# Usage: Rscript weighting.R DATA_FOLDER OUTPUT.json
suppressMessages({library(survival); library(sandwich); library(survey); library(nnet); library(jsonlite)})
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "weighting.csv"))
n <- nrow(rows)
tight <- glm.control(epsilon = 1e-15, maxit = 200)
exact <- coxph.control(eps = 1e-14, iter.max = 50, toler.chol = 1e-15)
result <- list()

# Logistic regression: model-based, sandwich by row and by patient, design-based.
formula <- yes ~ severity + old + weeks
fits <- list(plain = glm(formula, binomial, rows, control = tight),
             copies = glm(formula, binomial, rows, weights = copies, control = tight),
             weighted = suppressWarnings(glm(formula, binomial, rows, weights = weight, control = tight)),
             offset = glm(formula, binomial, rows, offset = weight / 4, control = tight))
for (name in names(fits)) {
  fit <- fits[[name]]
  p <- fitted(fit)
  result[[paste("logistic", name)]] <- list(
    estimate = unname(coef(fit)), std_error = sqrt(diag(vcov(fit))), robust_std_error = sqrt(diag(sandwich(fit))),
    patient_std_error = sqrt(diag(vcovCL(fit, rows$patient, type = "HC0", cadjust = FALSE))), probability = unname(p),
    log_likelihood = sum(fit$prior.weights * (rows$yes * log(p) + (1 - rows$yes) * log1p(-p))))
}
patients <- length(unique(rows$patient))
surveyed <- svyglm(formula, svydesign(ids = ~patient, weights = ~weight, data = rows), family = quasibinomial(), control = tight)
result[["svyglm"]] <- list(estimate = unname(coef(surveyed)),
                           patient_std_error = sqrt(diag(vcov(surveyed)) * (patients - 1) / patients))

# Quasi-likelihood of values that leave [0, 1]: Newton's steps on the equations.
x <- model.matrix(formula, rows)
b <- rep(0, ncol(x))
for (k in 1:60) {
  m <- plogis(drop(x %*% b))
  b <- b + solve(crossprod(x, rows$weight * m * (1 - m) * x), drop(crossprod(x, rows$weight * (rows$value - m))))
}
bread <- solve(crossprod(x, rows$weight * m * (1 - m) * x))
meat <- crossprod(rowsum(rows$weight * (rows$value - m) * x, rows$patient))
result[["fractional"]] <- list(estimate = b, patient_std_error = sqrt(diag(bread %*% meat %*% bread)), probability = m)

# Firth's penalty: penalised score, and limits where the profile has fallen by half a chi-square quantile.
penalised <- function(b, x, y) {
  p <- plogis(drop(x %*% b)); v <- p * (1 - p); information <- crossprod(x, v * x)
  h <- v * rowSums((x %*% solve(information)) * x)
  list(value = sum(dbinom(y, 1, p, log = TRUE)) + determinant(information)$modulus / 2,
       score = drop(crossprod(x, y - p + h * (0.5 - p))), information = information)
}
maximised <- function(x, y, hold = NULL, at = 0) {
  b <- rep(0, ncol(x)); free <- setdiff(seq_along(b), hold); b[hold] <- at
  now <- penalised(b, x, y)
  for (k in 1:3000) {
    step <- solve(now$information[free, free], now$score[free])
    repeat {
      trial <- b; trial[free] <- trial[free] + step
      after <- penalised(trial, x, y)
      if (after$value >= now$value - 1e-13 * abs(now$value)) break
      step <- step / 2
    }
    b <- trial; now <- after
    if (max(abs(step)) < 1e-12) break
  }
  list(b = b, value = as.numeric(now$value))
}
few <- rows[seq(1, n, 5), ]
fx <- cbind(1, few$severity, as.integer(few$yes == 1 & few$old == 1))  # its third column separates
top <- maximised(fx, few$yes)
limit <- function(j, side) {
  fall <- function(v) 2 * (top$value - maximised(fx, few$yes, j, v)$value) - qchisq(0.95, 1)
  far <- top$b[j] + side * c(0, 1)
  while (fall(far[2]) < 0) far[2] <- far[2] + side
  uniroot(fall, sort(far), tol = 1e-12)$root
}
result[["firth"]] <- list(estimate = top$b, conf_low = sapply(2:3, limit, side = -1), conf_high = c(limit(2, 1), limit(3, 1)))
result[["firth"]]$p_value <- sapply(1:3, function(j) pchisq(2 * (top$value - maximised(fx, few$yes, j, 0)$value), 1, lower.tail = FALSE))

# Multinomial regression: nnet, then Newton's steps to the end of it.
polished <- function(formula, frame, w) {
  frame$w. <- w
  started <- multinom(formula, frame, weights = w., trace = FALSE, reltol = 1e-14, abstol = 1e-14, maxit = 2000)
  x <- model.matrix(formula, frame)
  y <- sapply(1:2, function(k) frame$treatment == k)
  b <- t(coef(started))
  for (k in 1:20) {
    odds <- exp(x %*% b); p <- odds / (1 + rowSums(odds))
    blocks <- lapply(1:2, function(i) do.call(cbind, lapply(1:2, function(j) crossprod(x, w * p[, i] * ((i == j) - p[, j]) * x))))
    information <- do.call(rbind, blocks)
    score <- c(crossprod(x, w * (y - p)))
    b <- b + matrix(solve(information, score), ncol = 2)
  }
  rows_of <- cbind(w * (y[, 1] - p[, 1]) * x, w * (y[, 2] - p[, 2]) * x)
  list(x = x, b = b, p = cbind(1 - rowSums(p), p), inverse = solve(information), scores = rows_of, nnet = t(coef(started)))
}
for (name in c("plain", "weighted")) {
  fit <- polished(treatment ~ severity + old + weeks, rows, if (name == "plain") rep(1, n) else rows$weight)
  by_patient <- crossprod(rowsum(fit$scores, rows$patient))
  result[[paste("multinomial", name)]] <- list(
    estimate = c(fit$b), std_error = sqrt(diag(fit$inverse)),
    robust_std_error = sqrt(diag(fit$inverse %*% crossprod(fit$scores) %*% fit$inverse)),
    patient_std_error = sqrt(diag(fit$inverse %*% by_patient %*% fit$inverse)), probability = c(t(fit$p)))
  result[[paste("nnet", name)]] <- list(estimate = c(fit$nnet))
}

# A propensity with a natural cubic spline of the duration.
knots <- unname(quantile(rows$weeks, c(0.05, 0.35, 0.65, 0.95)))
cubes <- function(u) pmax(u, 0)^3
bent <- sapply(1:2, function(j) (cubes(rows$weeks - knots[j]) -
  cubes(rows$weeks - knots[3]) * (knots[4] - knots[j]) / (knots[4] - knots[3]) +
  cubes(rows$weeks - knots[4]) * (knots[3] - knots[j]) / (knots[4] - knots[3])) / (knots[4] - knots[1])^3)
rows$bent1 <- bent[, 1]; rows$bent2 <- bent[, 2]
spline <- glm(treatment > 0 ~ severity + weeks + bent1 + bent2, binomial, rows, control = tight)
result[["spline"]] <- list(knots = knots, estimate = unname(coef(spline)), std_error = sqrt(diag(vcov(spline))),
                           probability = unname(fitted(spline)))

# Balancing weights of treatments 0 and 1 among three, and what is analysed with them.
e <- polished(treatment ~ severity + old + weeks, rows, rep(1, n))$p
a <- rows$treatment
own <- e[cbind(1:n, a + 1)]
two <- a < 2
pair <- rows[two, ]
pair$treated <- pair$treatment
columns <- c("severity", "old", "weeks")
distances <- function(w) {
  one <- function(v) {
    s <- if (all(v %in% 0:1)) function(u) mean(u) * (1 - mean(u)) else var
    sw <- function(u, w) if (all(v %in% 0:1)) weighted.mean(u, w) * (1 - weighted.mean(u, w)) else
      sum(w) / (sum(w)^2 - sum(w^2)) * sum(w * (u - weighted.mean(u, w))^2)
    arm <- lapply(0:1, function(k) pair$treated == k)
    means <- sapply(arm, function(g) weighted.mean(v[g], w[g]))
    cdf <- sapply(arm, function(g) sapply(sort(unique(v)), function(u) sum(w[g] * (v[g] <= u)) / sum(w[g])))
    c((means[2] - means[1]) / sqrt((s(v[arm[[1]]]) + s(v[arm[[2]]])) / 2),
      sw(v[arm[[2]]], w[arm[[2]]]) / sw(v[arm[[1]]], w[arm[[1]]]), max(abs(cdf[, 2] - cdf[, 1])))
  }
  made <- sapply(columns, function(name) one(pair[[name]]))
  shares <- t(sapply(0:1, function(k) {
    g <- pair$treated == k
    sapply(c(12, 26, 52), function(u) weighted.mean(pair$weeks[g] == u, w[g]))
  }))
  plain <- t(sapply(0:1, function(k) sapply(c(12, 26, 52), function(u) mean(pair$weeks[pair$treated == k] == u))))
  s <- Reduce(`+`, lapply(1:2, function(k) diag(plain[k, ]) - tcrossprod(plain[k, ]))) / 2
  d <- shares[2, ] - shares[1, ]
  list(smd = unname(made[1, ]), variance_ratio = unname(made[2, ]), ks = unname(made[3, ]), category = sqrt(drop(d %*% solve(s, d))))
}
result[["balance before"]] <- distances(rep(1, sum(two)))
for (target in c("everyone", "treated", "overlap", "matching")) {
  h <- switch(target, everyone = rep(1, n), treated = e[, 2], overlap = 1 / (1 / e[, 1] + 1 / e[, 2]), matching = pmin(e[, 1], e[, 2]))
  raw <- (h / own)[two]
  w <- raw * ifelse(pair$treated == 1, mean(a == 1), mean(a == 0)) / mean(h)
  ess <- sapply(0:1, function(k) sum(w[pair$treated == k])^2 / sum(w[pair$treated == k]^2))
  clipped <- pmin(pmax(w, quantile(w, 0.02)), quantile(w, 0.98))
  result[[paste("weights", target)]] <- list(raw = raw, weight = w, effective_n = ess, truncated = clipped)
  result[[paste("balance", target)]] <- distances(w)
  pair$w <- w
  hr <- coxph(Surv(day, cause == 1) ~ treated, pair, weights = w, cluster = patient, control = exact)
  breslow <- coxph(Surv(day, cause == 1) ~ treated + severity, pair, weights = w, cluster = patient, ties = "breslow", control = exact)
  result[[paste("cox", target)]] <- list(estimate = unname(coef(hr)), std_error = sqrt(diag(vcov(hr))),
                                         naive = sqrt(diag(hr$naive.var)))
  result[[paste("breslow", target)]] <- list(estimate = unname(coef(breslow)), std_error = sqrt(diag(vcov(breslow))),
                                             naive = sqrt(diag(breslow$naive.var)))
  for (k in 0:1) {
    arm <- pair[pair$treated == k, ]
    arm$row <- seq_len(nrow(arm))
    km <- summary(survfit(Surv(day, cause == 1) ~ 1, arm, weights = w, cluster = patient, id = row, robust = TRUE), censored = TRUE)
    result[[paste("survival", target, k)]] <- list(time = km$time, survival = km$surv, std_error = km$std.err)
    # Multi-state curves of this version ignore `cluster` when `id` is given: the influence of each row is summed here.
    aj <- survfit(Surv(day, factor(cause, 0:2)) ~ 1, arm, weights = w, id = row, influence = TRUE)
    moved <- (arm$w * aj$influence.pstate)[, -1, , drop = FALSE]
    spread <- sapply(2:3, function(s) sqrt(colSums(rowsum(moved[, , s], arm$patient)^2)))
    result[[paste("incidence", target, k)]] <- list(time = aj$time, incidence_1 = aj$pstate[, 2], incidence_2 = aj$pstate[, 3],
                                                    std_error_1 = unname(spread[, 1]), std_error_2 = unname(spread[, 2]))
  }
  marginal <- suppressWarnings(glm(yes ~ treated, binomial, pair, weights = w, control = tight))
  result[[paste("marginal", target)]] <- list(estimate = unname(coef(marginal)),
    patient_std_error = sqrt(diag(vcovCL(marginal, pair$patient, type = "HC0", cadjust = FALSE))))
}
packages <- c("survival", "sandwich", "survey", "nnet")
versions <- c(list(R = R.version.string), setNames(lapply(packages, function(p) as.character(packageVersion(p))), packages))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
