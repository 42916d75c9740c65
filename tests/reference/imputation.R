# Rubin's rules by mitools, two counts by poisson.test, and a model of values told with known errors, by R.
# Usage: Rscript imputation.R DATA_FOLDER OUTPUT.json
suppressMessages({library(mitools); library(jsonlite)})
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "resampling.csv"))
result <- list()

# Five "imputations": least squares of the day on two covariates, of which the first is shaken.
fits <- lapply(1:5, function(k) lm(day ~ I(x1 + sin(k * seq_along(x1)) / 3) + x2, rows))
found <- MIcombine(lapply(fits, coef), lapply(fits, vcov))
result[["pooled"]] <- list(estimate = unname(found$coefficients), covariance = unname(found$variance), df = unname(found$df),
                           missing_information = unname(found$missinfo),
                           conf_low = unname(coef(found) - qt(0.975, found$df) * sqrt(diag(vcov(found)))),
                           conf_high = unname(coef(found) + qt(0.975, found$df) * sqrt(diag(vcov(found)))))

# Values near a heap beside values away from it, whose expected number near it is known.
for (counts in list(c(12, 240, 9.5), c(40, 60, 8), c(0, 100, 3), c(3, 25, 6.25))) {
  two <- poisson.test(counts[1:2], T = c(counts[3], counts[2]))
  one_sided <- poisson.test(counts[1:2], T = c(counts[3], counts[2]), alternative = "greater")
  result[[paste("counts", paste(counts, collapse = " "))]] <-
    list(ratio = unname(two$estimate), conf_low = two$conf.int[1], conf_high = two$conf.int[2], p_value = one_sided$p.value)
}

# Known errors: the root of the restricted score, Thompson's form y'P P y = trace(P) with dense matrices; least squares by lm.
# nlme's lme with sigma fixed at 1 agrees under "ML" but has another criterion under "REML", so it is no reference here.
rows$told <- log2(rows$day)
rows$variance <- (0.2 + 0.5 * (seq_len(nrow(rows)) %% 3))^2
x <- model.matrix(~ x1 + x2, rows)
score <- function(t2) {
  inverse <- diag(1 / (t2 + rows$variance))
  p <- inverse - inverse %*% x %*% solve(t(x) %*% inverse %*% x, t(x) %*% inverse)
  sum((p %*% rows$told)^2) - sum(diag(p))
}
t2 <- uniroot(score, c(1e-6, 20), tol = 1e-15)$root
fit <- lm(told ~ x1 + x2, rows, weights = 1 / (t2 + rows$variance))
result[["told"]] <- list(slope = unname(coef(fit)[-1]), residual_variance = t2,
                         std_error = unname(sqrt(diag(vcov(fit))) / sigma(fit))[-1])
versions <- list(R = R.version.string, mitools = as.character(packageVersion("mitools")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
