# Cox models from R's survival. Usage: Rscript cox.R DATA_FOLDER OUTPUT.json
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "cox.csv"))
rows$row <- seq_len(nrow(rows))
control <- coxph.control(eps = 1e-13, toler.chol = 1e-15, iter.max = 50)

described <- function(fit) {
  naive <- if (is.null(fit$naive.var)) fit$var else fit$naive.var
  limits <- unname(confint(fit))
  list(estimate = unname(coef(fit)), std_error = sqrt(diag(fit$var)), covariance = as.vector(fit$var),
       naive_covariance = as.vector(naive), conf_low = limits[, 1], conf_high = limits[, 2],
       log_likelihood = fit$loglik[2], null_log_likelihood = fit$loglik[1], score_test = fit$score,
       wald_test = unname(fit$wald.test))
}

result <- list()
for (ties in c("efron", "breslow")) {
  for (side in c("", "entry ")) {
    y <- if (side == "") "Surv(day, event)" else "Surv(entry, day, event)"
    plain <- as.formula(paste(y, "~ arm + age + weeks"))
    strata <- as.formula(paste(y, "~ arm + age + weeks + strata(stratum)"))
    name <- function(what) paste0(ties, "/", side, what)
    result[[name("plain")]] <- described(coxph(plain, rows, ties = ties, control = control))
    result[[name("strata")]] <- described(coxph(strata, rows, ties = ties, control = control))
    result[[name("copies")]] <- described(coxph(plain, rows, weights = copies, ties = ties, control = control))
    result[[name("weight")]] <- described(coxph(plain, rows, weights = weight, ties = ties, control = control, cluster = row))
    result[[name("cluster")]] <- described(coxph(plain, rows, ties = ties, control = control, cluster = patient))
    result[[name("strata weight cluster")]] <-
      described(coxph(strata, rows, weights = weight, ties = ties, control = control, cluster = patient))
  }
}
# R enumerates all sets of rows for the exact likelihood with entry, which never ends; so without entry only.
result[["exact/plain"]] <- described(coxph(Surv(day, event) ~ arm + age + weeks, rows, ties = "exact", control = control))
result[["exact/strata"]] <-
  described(coxph(Surv(day, event) ~ arm + age + weeks + strata(stratum), rows, ties = "exact", control = control))
for (divisor in c(7, 365.25)) {
  scaled <- rows
  scaled$day <- rows$day / divisor
  scaled$entry <- rows$entry / divisor
  result[[paste0("efron/entry plain days over ", divisor)]] <-
    described(coxph(Surv(entry, day, event) ~ arm + age + weeks, scaled, ties = "efron", control = control))
}
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
