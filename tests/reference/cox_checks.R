# cox.zph, concordance and predicted curves from R's survival. Usage: Rscript cox_checks.R DATA_FOLDER OUTPUT.json
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "cox_checks.csv"))
rows$event <- as.integer(rows$cause == 1)
formulas <- list(
  plain = Surv(day, event) ~ x + z, entry = Surv(entry, day, event) ~ x + z,
  strata = Surv(day, event) ~ x + z + strata(stratum), "entry strata" = Surv(entry, day, event) ~ x + z + strata(stratum)
)
flat <- function(values) as.vector(t(as.matrix(values)))
result <- list()
for (ties in c("efron", "breslow")) for (design in names(formulas)) for (weighted in c("unweighted", "weighted")) {
  rows$w <- if (weighted == "weighted") rows$weight else rep(1, nrow(rows))
  fit <- coxph(formulas[[design]], rows, weights = w, ties = ties, robust = FALSE, control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 50))
  out <- list(estimate = unname(coef(fit)), covariance = flat(fit$var))
  for (transform in c("km", "rank", "identity", "log")) {
    test <- cox.zph(fit, transform)
    out[[paste("statistic", transform)]] <- unname(test$table[, 1])
    out[[paste("p", transform)]] <- unname(test$table[, 3])
    out[[paste("scale", transform)]] <- unname(tapply(test$x, test$time, `[`, 1))
  }
  out$event_covariance <- flat(test$var)
  pairs <- concordance(fit)
  out$concordance <- unname(c(pairs$concordance, sqrt(pairs$var)))
  out$pairs <- unname(if (is.matrix(pairs$count)) colSums(pairs$count) else pairs$count)
  out$concordance_by_patient <- unname(sqrt(concordance(fit, cluster = rows$patient)$var))
  base <- basehaz(fit, centered = FALSE)
  base <- if (is.null(base$strata)) base else base[base$strata == levels(base$strata)[1], ]
  new <- data.frame(x = c(0, 0.5, -1), z = c(0, 1, 0.3), stratum = 1)
  curves <- survfit(fit, newdata = new, conf.type = "log-log", stype = 2, ctype = if (ties == "efron") 2 else 1)
  shape <- function(values) flat(t(matrix(values, ncol = 3)))
  happened <- rowSums(matrix(curves$n.event, ncol = if (is.matrix(curves$surv)) 1 else 3)) > 0
  keep <- function(values) flat(t(matrix(values, ncol = 3)[happened, ]))
  out$time <- if (is.matrix(curves$surv)) curves$time[happened] else curves$time[seq_along(happened)][happened]
  out$baseline <- base$hazard[match(out$time, base$time)]
  out$cumulative_hazard <- keep(curves$cumhaz)
  out$cumulative_std_error <- keep(curves$std.err)
  out$survival <- keep(curves$surv)
  out$conf_low <- keep(curves$lower)
  out$conf_high <- keep(curves$upper)
  predicted <- predict(fit, newdata = new, type = "lp", se.fit = TRUE, reference = "zero")
  out$log_hazard_ratio <- unname(predicted$fit)
  out$log_hazard_ratio_std_error <- unname(predicted$se.fit)
  result[[paste(ties, design, weighted, sep = "/")]] <- out
}
factor_fit <- coxph(Surv(day, event) ~ x + z + factor(stratum), rows, control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 50))
test <- cox.zph(factor_fit, "km")
result[["a factor as one term"]] <- list(estimate = unname(coef(factor_fit)), "statistic" = unname(test$table[, 1]), p = unname(test$table[, 3]))
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
