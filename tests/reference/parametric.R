# Parametric models of time in R. Usage: Rscript parametric.R DATA_FOLDER OUTPUT.json
#
# survreg: estimates, information, log-likelihood, quantiles. Its robust variance is made here from its parts: survreg(robust = TRUE)
# of survival 3.5-3 does not multiply the influence by the weights (residuals(weighted = TRUE) does), and the scores in log(scale)
# that residuals() gives for interval-censored rows do not sum to 0 at the maximum. With interval rows the scores are differences
# of the rows' log-likelihoods, written from the definition.
# glm: grouped proportional hazards where no look is skipped. Its standard errors come from the expected information and the
# estimator's from the observed, so the latter are differences of the log-likelihood here, as is all else without a function in R.
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "parametric.csv"))
for (end in c("right", "seen_right", "step_right")) rows[[end]][is.na(rows[[end]])] <- Inf
rows$l <- ifelse(rows$left == 0, NA, rows$left)
rows$r <- ifelse(is.infinite(rows$right), NA, rows$right)
control <- survreg.control(rel.tolerance = 1e-15, maxiter = 300)

step <- 1e-3
nudged <- function(f, at) function(j, by) { at[j] <- at[j] + by; f(at) }
slope <- function(f, at) sapply(seq_along(at), function(j) {
  g <- nudged(f, at)
  (8 * (g(j, step) - g(j, -step)) - (g(j, 2 * step) - g(j, -2 * step))) / (12 * step)
})
curvature <- function(f, at) { h <- slope(function(b) slope(f, b), at); (h + t(h)) / 2 }
summit <- function(f, at) {
  at <- optim(at, f, method = "BFGS", control = list(fnscale = -1, maxit = 2000, reltol = 1e-15))$par
  for (i in 1:6) at <- at - solve(curvature(f, at), slope(f, at))
  at
}
above <- list(weibull = function(w) exp(-exp(w)), lognormal = function(w) pnorm(w, lower.tail = FALSE),
              loglogistic = function(w) plogis(w, lower.tail = FALSE))
log_density <- list(weibull = function(w) w - exp(w), lognormal = function(w) dnorm(w, log = TRUE),
                    loglogistic = function(w) dlogis(w, log = TRUE))
row_log_likelihood <- function(law, x, left, right) function(b) {
  s <- exp(b[length(b)]); centre <- drop(x %*% b[-length(b)])
  a <- (log(left) - centre) / s; z <- (log(right) - centre) / s
  exact <- left == right
  ifelse(exact, log_density[[law]](a) - log(s) - log(left), log(above[[law]](a) - ifelse(is.infinite(z), 0, above[[law]](z))))
}
sandwich <- function(fit, scores, weight, id) {
  v <- fit$naive.var; if (is.null(v)) v <- fit$var
  sqrt(diag(v %*% crossprod(rowsum(scores * weight, id)) %*% v))
}

regression <- list()
for (law in c("weibull", "exponential", "lognormal", "loglogistic")) {
  one <- function(data, of = rep(1, nrow(data))) {
    data$of <- of
    survreg(Surv(l, r, type = "interval2") ~ arm + dose, data = data, dist = law, control = control, weights = of)
  }
  told <- function(fit) list(
    estimate = unname(c(fit$coefficients, if (law != "exponential") log(fit$scale))), std_error = unname(sqrt(diag(fit$var))),
    log_likelihood = fit$loglik[2], null_log_likelihood = fit$loglik[1])
  plain <- one(rows)
  quantile <- predict(plain, newdata = data.frame(arm = 1, dose = 0.5), type = "quantile", p = c(0.1, 0.25, 0.5), se.fit = TRUE)
  regression[[law]] <- c(told(plain), list(quantile = unname(drop(quantile$fit)), quantile_std_error = unname(drop(quantile$se.fit))))
  regression[[paste(law, "copies")]] <- told(one(rows, rows$copies))
  weighted <- one(rows, rows$weight)
  regression[[paste(law, "weighted naive")]] <- told(weighted)
  simple <- rows[!(rows$left < rows$right & rows$left > 0 & is.finite(rows$right)), ]
  robust <- one(simple, simple$weight)
  found <- told(robust); found$std_error <- unname(sqrt(diag(crossprod(residuals(robust, "dfbeta", weighted = TRUE)))))
  regression[[paste(law, "weighted without intervals")]] <- found
  if (law != "exponential") {
    strata <- survreg(Surv(l, r, type = "interval2") ~ arm + dose + strata(site), data = rows, dist = law, control = control)
    regression[[paste(law, "strata")]] <- told(strata)
    x <- model.matrix(plain)
    clustered <- told(plain)
    score <- slope(row_log_likelihood(law, x, rows$left, rows$right), clustered$estimate)
    clustered$std_error <- unname(sandwich(plain, score, rep(1, nrow(rows)), rows$person))
    regression[[paste(law, "clustered")]] <- clustered
    by_weight <- told(weighted)
    score <- slope(row_log_likelihood(law, x, rows$left, rows$right), by_weight$estimate)
    by_weight$std_error <- unname(sandwich(weighted, score, rows$weight, seq_len(nrow(rows))))
    regression[[paste(law, "weighted")]] <- by_weight
  }
}

grid <- c(14, 42, 84, 126, 182, 260); edges <- c(0, grid)
x <- cbind(rows$arm, rows$dose)
grouped <- function(left, right, weight) function(b) {
  total <- c(0, cumsum(exp(b[1:6]))); relative <- exp(drop(x %*% b[7:8]))
  before <- total[match(left, edges)] * relative
  through <- ifelse(is.infinite(right), Inf, total[match(ifelse(is.infinite(right), 0, right), edges)] * relative)
  sum(weight * log(exp(-before) - exp(-through)))
}
cells <- do.call(rbind, lapply(seq_len(nrow(rows)), function(i) do.call(rbind, lapply(1:6, function(j) {
  free <- edges[j + 1] <= rows$step_left[i]
  event <- edges[j] == rows$step_left[i] && is.finite(rows$step_right[i])
  if (free || event) data.frame(cell = j, y = as.numeric(event), arm = rows$arm[i], dose = rows$dose[i], weight = rows$weight[i])
}))))
glm_of <- function(weight) {
  cells$of <- weight
  suppressWarnings(coef(glm(y ~ factor(cell) + arm + dose - 1, family = binomial("cloglog"), data = cells, weights = of,
    control = glm.control(epsilon = 1e-16, maxit = 200))))
}
told_grouped <- function(f, at) list(estimate = unname(at), std_error = sqrt(diag(solve(-curvature(f, at)))), log_likelihood = f(at))
one <- rep(1, nrow(rows))
pooled <- list("every look" = told_grouped(grouped(rows$step_left, rows$step_right, one), glm_of(rep(1, nrow(cells)))),
               "every look weighted" = list(estimate = unname(glm_of(cells$weight))))
skipped <- grouped(rows$seen_left, rows$seen_right, one)
pooled[["looks skipped"]] <- told_grouped(skipped, summit(skipped, pooled[["every look"]]$estimate))

cure <- list()
for (law in c("weibull", "lognormal", "loglogistic")) {
  likelihood <- function(z, x) function(b) {
    q <- ncol(z); share <- plogis(drop(z %*% b[1:q])); rest <- b[-(1:q)]
    s <- exp(rest[length(rest)]); centre <- drop(x %*% rest[-length(rest)])
    still <- function(t) ifelse(t == 0, 1, above[[law]]((log(t) - centre) / s))
    seen <- is.finite(rows$seen_right); finite <- ifelse(seen, rows$seen_right, 1)
    sum(log(ifelse(seen, share * (still(rows$seen_left) - still(finite)), 1 - share + share * still(rows$seen_left))))
  }
  ones <- cbind(one); full <- cbind(one, rows$arm)
  alone <- likelihood(ones, ones); at <- summit(alone, c(1, 4, -0.3))
  target <- alone(at) - qchisq(0.95, 1) / 2
  profile <- function(logit) { g <- function(b) alone(c(logit, b)); g(summit(g, at[-1])) - target }
  # A fraction of 0 that the likelihood ratio does not reject is the lower limit.
  limits <- c(uniroot(profile, c(at[1] - 2, at[1]), tol = 1e-11)$root,
              if (profile(20) > 0) Inf else uniroot(profile, c(at[1], 20), tol = 1e-11)$root)
  cure[[law]] <- c(told_grouped(alone, at), list(never = plogis(-at[1]), never_limits = plogis(-rev(limits))))
  both <- likelihood(full, full)
  cure[[paste(law, "by arm")]] <- told_grouped(both, summit(both, c(at[1], 0, at[2], 0, at[3])))
}
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = list(regression = regression, pooled = pooled, cure = cure)), args[2], digits = NA, na = "null", auto_unbox = FALSE)
