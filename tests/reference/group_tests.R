# Log-rank tests from R's survival (survdiff; coxph scores for entry, weights, clusters) and Gray's test from cmprsk.
# Usage: Rscript group_tests.R DATA_FOLDER OUTPUT.json
library(survival)
library(cmprsk)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "right_censored.csv"))
i <- seq_len(nrow(rows))
rows$event <- as.integer(rows$cause > 0)
rows$two <- (i * 7) %/% 3 %% 2
rows$three <- (i * 7) %% 3
rows$five <- (i * 7) %% 5
rows$layer <- (i * 5) %% 4
rows$pair <- (i - 1) %/% 2

result <- list()
for (group in c("two", "three", "five")) for (rho in c(0, 0.5, 1, 2)) for (layered in c(FALSE, TRUE)) {
  rows$g <- rows[[group]]
  fit <- if (layered) survdiff(Surv(day, event) ~ g + strata(layer), rows, rho = rho) else
    survdiff(Surv(day, event) ~ g, rows, rho = rho)
  total <- function(x) if (is.matrix(x)) rowSums(x) else x
  scores <- seq_along(total(fit$obs))
  trend <- sum(scores * (total(fit$obs) - total(fit$exp)))^2 / drop(scores %*% fit$var %*% scores)
  result[[paste("log-rank", group, rho, layered)]] <- list(
    statistic = fit$chisq, observed = total(fit$obs), expected = total(fit$exp), variance = c(fit$var),
    p_value = pchisq(fit$chisq, length(scores) - 1, lower.tail = FALSE), trend = trend)
  tests <- if (layered) cuminc(rows$day, rows$cause, rows$g, rows$layer, rho = rho)$Tests else
    cuminc(rows$day, rows$cause, rows$g, rho = rho)$Tests
  result[[paste("gray", group, rho, layered)]] <- list(statistic = tests[, "stat"], p_value = tests[, "pv"], df = tests[, "df"])
}
untied <- cuminc(rows$day + i / 1000, rows$cause, rows$three)$Tests
result[["gray untied"]] <- list(statistic = untied[, "stat"], p_value = untied[, "pv"], df = untied[, "df"])

# The score test of a Cox model at no effect is the log-rank test: with the exact partial likelihood the hypergeometric one
# (few rows: R enumerates all subsets), with Breslow's likelihood and robust variance the robust one.
few <- rows[1:40, ]
result[["entry"]] <- list(statistic = coxph(Surv(entry, day, event) ~ factor(three), few, ties = "exact")$score)
result[["entry strata"]] <- list(
  statistic = coxph(Surv(entry, day, event) ~ factor(three) + strata(layer), few, ties = "exact")$score)
robust <- function(formula, cluster, weights) {
  rows$.cluster <- cluster
  rows$.w <- weights
  list(statistic = c(coxph(formula, rows, ties = "breslow", weights = .w, cluster = .cluster)$rscore))
}
plain <- Surv(day, event) ~ factor(three)
entered <- Surv(entry, day, event) ~ factor(three)
layered <- Surv(entry, day, event) ~ factor(three) + strata(layer)
result[["weighted"]] <- robust(plain, i, rows$weight)
result[["weighted entry"]] <- robust(entered, i, rows$weight)
result[["weighted entry strata"]] <- robust(layered, i, rows$weight)
result[["clustered"]] <- robust(plain, rows$pair, rep(1, nrow(rows)))
result[["clustered weighted entry strata"]] <- robust(layered, rows$pair, rows$weight)

versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")),
                 cmprsk = as.character(packageVersion("cmprsk")))
write_json(list(versions = versions, numbers = lapply(result, function(x) lapply(x, unname))), args[2],
           digits = NA, na = "null", auto_unbox = FALSE)
