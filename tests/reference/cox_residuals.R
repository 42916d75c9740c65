# Residuals of Cox models from R's survival. Usage: Rscript cox_residuals.R DATA_FOLDER OUTPUT.json
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "cox_checks.csv"))
rows$event <- as.integer(rows$cause == 1)
formulas <- list(
  plain = Surv(day, event) ~ x + z, entry = Surv(entry, day, event) ~ x + z,
  strata = Surv(day, event) ~ x + z + strata(stratum), "entry strata" = Surv(entry, day, event) ~ x + z + strata(stratum)
)
flat <- function(values) as.vector(t(as.matrix(values)))  # row after row
result <- list()
for (ties in c("efron", "breslow")) for (design in names(formulas)) for (weighted in c("unweighted", "weighted")) {
  rows$w <- if (weighted == "weighted") rows$weight else rep(1, nrow(rows))
  fit <- coxph(formulas[[design]], rows, weights = w, ties = ties, robust = FALSE, control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 50))
  out <- list(estimate = unname(coef(fit)), covariance = flat(fit$var),
              martingale = unname(residuals(fit, "martingale")), schoenfeld = flat(residuals(fit, "schoenfeld")),
              score = flat(residuals(fit, "score")))
  if (ties == "efron" && design %in% c("plain", "entry strata")) {
    out$deviance <- unname(residuals(fit, "deviance"))
    out$scaled <- flat(residuals(fit, "scaledsch"))
    out$dfbeta <- flat(residuals(fit, "dfbeta"))
    out$dfbetas <- flat(residuals(fit, "dfbetas"))
    out$dfbeta_by_patient <- flat(residuals(fit, "dfbeta", collapse = rows$patient))
  }
  result[[paste(ties, design, weighted, sep = "/")]] <- out
}
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
