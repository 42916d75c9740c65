# Restricted cubic splines and what is fitted on them. Usage: Rscript splines.R DATA_FOLDER OUTPUT.json
#
# Hmisc: knots and basis. rms and survival: fits on that basis, and contrasts against 12 weeks. mvtnorm: critical values of bands.
# sandwich: the HC2 variance of standardised means over the exposure; what covariates add to it is written from the definition.
# glm's standard errors of a complementary log-log regression come from the expected information, the estimator's from the
# observed: the latter are differences of the log-likelihood here.
suppressMessages({library(rms); library(jsonlite); library(sandwich); library(mvtnorm)})
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "splines.csv"))
for (end in c("right", "step_right")) rows[[end]][is.na(rows[[end]])] <- Inf
rows$duration <- log2(rows$weeks)
at <- log2(c(4, 6, 8, 13, 20, 26, 39, 52, 80, 104)); reference <- log2(12)
flat <- function(m) unname(as.vector(t(m)))

knots <- list(); basis <- list()
for (k in 3:7) for (name in c("duration", "age")) {
  placed <- rcspline.eval(rows[[name]], nk = k, knots.only = TRUE)
  few <- rcspline.eval(rows[[name]][1:60], nk = k, knots.only = TRUE)
  knots[[paste(name, k)]] <- list(all = unname(placed), few = unname(few))
  beyond <- c(min(rows[[name]]) - 2, rows[[name]][1:80], max(rows[[name]]) + 3)
  for (norm in if (k == 4) 0:2 else 2)
    basis[[paste(name, k, norm)]] <- list(knots = unname(placed), basis = flat(rcspline.eval(beyond, placed, norm = norm)))
}

four <- rcspline.eval(rows$duration, nk = 4, knots.only = TRUE)
bent <- function(x) rcspline.eval(x, four, inclx = TRUE)
rows$d <- bent(rows$duration)
step <- cbind(bent(at) - bent(rep(reference, length(at))))
against <- function(b, v) list(estimate = flat(step %*% b), std_error = sqrt(rowSums((step %*% v) * step)))
told <- function(b, v, place, log_likelihood) c(
  list(coefficient = unname(b), std_error_of_it = unname(sqrt(diag(v))), log_likelihood = log_likelihood),
  against(b[place], v[place, place]))

control <- coxph.control(eps = 1e-13, toler.chol = 1e-15, iter.max = 50)
fits <- list()
of_cox <- function(fit) told(coef(fit), vcov(fit), 1:3, fit$loglik[2])
fits[["cox"]] <- of_cox(coxph(Surv(day, event) ~ d + age + treated, rows, control = control))
fits[["cox clustered"]] <- of_cox(coxph(Surv(day, event) ~ d + age + treated, rows, control = control, cluster = patient))
for (law in c("weibull", "lognormal", "loglogistic")) {
  rows$l <- ifelse(rows$left == 0, NA, rows$left); rows$r <- ifelse(is.infinite(rows$right), NA, rows$right)
  fit <- survreg(Surv(l, r, type = "interval2") ~ d + age + treated, rows, dist = law,
                 control = survreg.control(rel.tolerance = 1e-15, maxiter = 300))
  fits[[paste("time", law)]] <- told(c(fit$coefficients, log(fit$scale)), fit$var, 2:4, fit$loglik[2])
}
tight <- glm.control(epsilon = 1e-16, maxit = 200)
odds <- glm(reached ~ d + age + treated, binomial, rows, control = tight)
fits[["odds"]] <- told(coef(odds), vcov(odds), 2:4, as.numeric(logLik(odds)))

# Every look kept: glm on one row for each cell at risk.
grid <- c(14, 42, 84, 126, 182); edges <- c(0, grid)
cells <- do.call(rbind, lapply(seq_len(nrow(rows)), function(i) do.call(rbind, lapply(1:5, function(j) {
  free <- edges[j + 1] <= rows$step_left[i]
  seen <- edges[j] == rows$step_left[i] && is.finite(rows$step_right[i])
  if (free || seen) data.frame(row = i, cell = j, y = as.numeric(seen))
}))))
x <- cbind(outer(cells$cell, 1:5, "==") * 1, rows$d[cells$row, ], rows$age[cells$row], rows$treated[cells$row])
grouped <- glm(cells$y ~ x - 1, family = binomial("cloglog"), control = tight)
observed <- function(b) {  # minus the second derivatives of y log(1 - exp(-m)) - (1 - y) m, m = exp(x'b)
  m <- exp(drop(x %*% b)); e <- exp(-m)
  first <- cells$y * m * e / (1 - e) - (1 - cells$y) * m
  second <- first - cells$y * m^2 * e / (1 - e)^2
  crossprod(x, -second * x)
}
fits[["grouped"]] <- told(coef(grouped), solve(observed(coef(grouped))), 6:8, as.numeric(logLik(grouped)))

# rms itself: its own basis, its own contrasts.
dd <- datadist(rows[c("duration", "age", "treated")]); options(datadist = "dd")
rms_of <- function(fit) {
  found <- contrast(fit, list(duration = at, age = 40, treated = 0), list(duration = reference, age = 40, treated = 0))
  list(estimate = unname(found$Contrast), std_error = unname(found$SE))
}
formula <- Surv(day, event) ~ rcs(duration, four) + age + treated
fits[["rms cph"]] <- rms_of(cph(formula, rows, eps = 1e-13, tol = 1e-15, iter.max = 50, x = TRUE, y = TRUE))
fits[["rms psm"]] <- rms_of(psm(formula, rows, dist = "weibull", control = survreg.control(rel.tolerance = 1e-15, maxiter = 300)))

# Critical values of the largest of several correlated statistics, from the contrasts of the Cox model.
cox_v <- vcov(coxph(Surv(day, event) ~ d + age + treated, rows, control = control))[1:3, 1:3]
bands <- list()
for (many in c(2, 4, 7)) for (df in c(0, 20)) {
  r <- cov2cor(step[seq_len(many) + 1, ] %*% cox_v %*% t(step[seq_len(many) + 1, ]))
  set.seed(1)
  reach <- function(c) (if (df == 0) pmvnorm(rep(-c, many), rep(c, many), corr = r, algorithm = GenzBretz(1e5, 1e-4, 0)) else
    pmvt(rep(-c, many), rep(c, many), df = df, corr = r, algorithm = GenzBretz(1e5, 1e-4, 0))) - 0.95
  bands[[paste(many, df)]] <- list(correlation = flat(r), critical = uniroot(function(c) { set.seed(1); reach(c) }, c(1.9, 4), tol = 1e-4)$root)
}

# Means standardised over everybody, had all one duration: linear and quasibinomial glm, HC2, influences summed by patient.
n <- nrow(rows)
standardised <- function(places, family, among = rep(TRUE, n), of = rows$share) {
  data <- data.frame(y = of, duration = rows$duration, age = rows$age)
  if (all(among)) data$treated <- rows$treated
  form <- if (all(among)) y ~ rcspline.eval(duration, four, inclx = TRUE) + age + treated else y ~ duration + age
  fit <- glm(form, family, data[among, ], control = tight)
  bread <- bread(fit) / sum(among); scores <- estfun(fit) / sqrt(1 - hatvalues(fit))
  frame <- model.frame(fit)
  found <- lapply(places, function(place) {
    there <- data; there$duration <- place
    x <- model.matrix(delete.response(terms(fit)), there)
    eta <- drop(x %*% coef(fit)); mean <- fit$family$linkinv(eta)
    influence <- (mean - mean(mean)) / n
    influence[among] <- influence[among] + drop(scores %*% bread %*% colMeans(fit$family$mu.eta(eta) * x))
    list(mean = mean(mean), influence = influence)
  })
  list(mean = sapply(found, `[[`, "mean"), influence = sapply(found, `[[`, "influence"))
}
error <- function(influence, by) { s <- rowsum(influence, by); sqrt(colSums(s^2) * nrow(s) / (nrow(s) - 1)) }
curves <- list()
for (family in c("linear", "logit")) for (who in c("rows", "patients")) {
  by <- if (who == "rows") seq_len(n) else rows$patient
  one <- standardised(c(at, reference), if (family == "linear") gaussian() else quasibinomial())
  last <- length(at) + 1
  curves[[paste(family, who)]] <- list(
    estimate = one$mean[-last], std_error = unname(error(one$influence[, -last], by)), difference = one$mean[-last] - one$mean[last],
    difference_std_error = unname(error(one$influence[, -last] - one$influence[, last], by)))
}
arms <- lapply(0:1, function(arm) standardised(at, quasibinomial(), rows$treated == arm))
moved <- arms[[2]]$influence - arms[[1]]$influence
relative <- sweep(arms[[2]]$influence, 2, arms[[2]]$mean, "/") - sweep(arms[[1]]$influence, 2, arms[[1]]$mean, "/")
effects <- list(
  reference_mean = arms[[1]]$mean, compared_mean = arms[[2]]$mean, difference = arms[[2]]$mean - arms[[1]]$mean,
  difference_std_error = unname(error(moved, rows$patient)), ratio = arms[[2]]$mean / arms[[1]]$mean,
  ratio_std_error = unname(error(relative, rows$patient)))

versions <- sapply(c("Hmisc", "rms", "survival", "sandwich", "mvtnorm"), function(p) as.character(packageVersion(p)), simplify = FALSE)
write_json(list(versions = c(list(R = R.version.string), versions),
                numbers = list(knots = knots, basis = basis, fits = fits, bands = bands, curves = curves, effects = list(both = effects))),
           args[2], digits = NA, na = "null", auto_unbox = FALSE)
