# Fine and Gray's model from R's cmprsk. Usage: Rscript fine_gray.R DATA_FOLDER OUTPUT.json
library(cmprsk)
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "cox_checks.csv"))
covariates <- as.matrix(rows[, c("x", "z")])
flat <- function(values) as.vector(t(as.matrix(values)))
days <- c(1, 3, 6, 10, 14)
result <- list()
for (scale in c("day", "exact")) for (interest in 1:2) for (groups in c("one", "three")) {
  cengroup <- if (groups == "three") rows$stratum else rep(1, nrow(rows))
  start <- crr(rows[[scale]], rows$cause, covariates, cengroup = cengroup, failcode = interest)$coef
  fit <- crr(rows[[scale]], rows$cause, covariates, cengroup = cengroup, failcode = interest, gtol = 1e-14, maxiter = 200, init = start)
  curves <- unclass(predict(fit, rbind(c(0, 0), c(1, 1))))
  position <- findInterval(days, curves[, 1])
  out <- list(estimate = unname(fit$coef), naive_covariance = flat(fit$invinf),
              log_likelihood = fit$loglik, null_log_likelihood = fit$loglik.null,
              incidence = flat(t(rbind(0, curves[, -1])[position + 1, ])))
  if (groups == "one") out$covariance <- flat(fit$var)
  result[[paste(scale, interest, groups, sep = "/")]] <- out
}
versions <- list(R = R.version.string, cmprsk = as.character(packageVersion("cmprsk")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
