# Cox models, curves and departures on weighted person-weeks of clones, by R. Usage: Rscript weighted_clones.R DATA_FOLDER OUTPUT.json
suppressMessages({library(survival); library(sandwich); library(survey); library(jsonlite)})
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "weighted_clones.csv"))
exact <- coxph.control(eps = 1e-14, iter.max = 50, toler.chol = 1e-15)
tight <- glm.control(epsilon = 1e-15, maxit = 200)
result <- list()
for (ties in c("efron", "breslow")) {
  for (formula in list(Surv(start, stop, event) ~ strategy, Surv(start, stop, event) ~ strategy + severity + pain)) {
    fit <- coxph(formula, rows, weights = weight, cluster = patient, ties = ties, control = exact)
    result[[paste("cox", ties, length(coef(fit)))]] <- list(estimate = unname(coef(fit)), std_error = sqrt(diag(vcov(fit))),
      naive = sqrt(diag(fit$naive.var)), log_likelihood = fit$loglik[2])
  }
}
for (k in 0:1) {
  arm <- rows[rows$strategy == k, ]
  arm$row <- seq_len(nrow(arm))
  km <- summary(survfit(Surv(start, stop, event) ~ 1, arm, weights = weight, cluster = patient, id = row, robust = TRUE), censored = TRUE)
  result[[paste("survival", k)]] <- list(time = km$time, survival = km$surv, std_error = km$std.err)
  parts <- summary(survfit(Surv(start, stop, event) ~ 1, arm, weights = weight, id = row, robust = TRUE), censored = TRUE)
  result[[paste("survival_of_rows", k)]] <- list(time = parts$time, survival = parts$surv, std_error = parts$std.err)
}
formula <- departed ~ strategy + stop + pain
fit <- suppressWarnings(glm(formula, binomial, rows, weights = weight, control = tight))
result[["departure"]] <- list(estimate = unname(coef(fit)), probability = unname(fitted(fit)),
  robust_std_error = sqrt(diag(sandwich(fit))),
  patient_std_error = sqrt(diag(vcovCL(fit, rows$patient, type = "HC0", cadjust = FALSE))))
plain <- glm(formula, binomial, rows, control = tight)
result[["departure_unweighted"]] <- list(estimate = unname(coef(plain)), std_error = sqrt(diag(vcov(plain))),
  patient_std_error = sqrt(diag(vcovCL(plain, rows$patient, type = "HC0", cadjust = FALSE))))
patients <- length(unique(rows$patient))
surveyed <- svyglm(formula, svydesign(ids = ~patient, weights = ~weight, data = rows), family = quasibinomial(), control = tight)
result[["departure_svyglm"]] <- list(estimate = unname(coef(surveyed)),
                                     patient_std_error = sqrt(diag(vcov(surveyed)) * (patients - 1) / patients))
packages <- c("survival", "sandwich", "survey")
versions <- c(list(R = R.version.string), setNames(lapply(packages, function(p) as.character(packageVersion(p))), packages))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
