# Weighted contrasts, curves and regressions on resampled rows, and limits from replicates, by R. Usage: Rscript resampling.R DATA_FOLDER OUTPUT.json
suppressMessages({library(survival); library(boot); library(jsonlite)})
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "resampling.csv"))
horizon <- 15
tight <- glm.control(epsilon = 1e-14, maxit = 100)
exact <- coxph.control(eps = 1e-13, iter.max = 50, toler.chol = 1e-14)

area <- function(fit, h) {
  at <- summary(fit, times = sort(unique(c(0, fit$time[fit$time <= h]))), extend = TRUE)
  sum(at$surv * diff(c(at$time, h)))
}
contrasts_of <- function(frame, target) {
  e <- fitted(glm(treated ~ x1 + x2, family = binomial, data = frame, control = tight))
  a <- frame$treated
  share <- mean(a)
  w <- switch(target, everyone = ifelse(a == 1, share / e, (1 - share) / (1 - e)),
              treated = ifelse(a == 1, 1, e / (1 - e)), overlap = ifelse(a == 1, 1 - e, e))
  frame$w <- w
  frame$event <- as.integer(frame$cause == 1)
  arm <- lapply(0:1, function(k) survfit(Surv(day, event) ~ 1, data = frame[a == k, ], weights = w, timefix = TRUE))
  s <- sapply(arm, function(f) summary(f, times = horizon, extend = TRUE)$surv)
  m <- sapply(arm, area, h = horizon)
  hr <- coxph(Surv(day, event) ~ treated, data = frame, weights = w, ties = "efron", control = exact, robust = FALSE)
  c(s[1] - s[2], m[2] - m[1], unname(coef(hr)))
}

result <- list()
sets <- grep("^copies_", names(rows), value = TRUE)
drawn <- lapply(sets, function(s) rows[rep(seq_len(nrow(rows)), rows[[s]]), ])
for (target in c("everyone", "treated", "overlap")) {
  made <- sapply(drawn, contrasts_of, target = target)
  result[[paste("contrasts", target)]] <- list(risk_difference = made[1, ], restricted_mean_difference = made[2, ],
                                               log_hazard_ratio = made[3, ])
}
cox <- sapply(drawn, function(f) coef(coxph(Surv(day, cause == 1) ~ treated + x1 + x2, data = f, control = exact)))
logit <- sapply(drawn, function(f) coef(glm(treated ~ x1 + x2, family = binomial, data = f, control = tight)))
result[["cox"]] <- list(treated = cox[1, ], x1 = cox[2, ], x2 = cox[3, ])
result[["logistic"]] <- list(intercept = logit[1, ], x1 = logit[2, ], x2 = logit[3, ])
curves <- sapply(drawn, function(f) {
  km <- survfit(Surv(day, cause > 0) ~ 1, data = f)
  aj <- survfit(Surv(day, factor(cause, 0:2)) ~ 1, data = f)
  at <- summary(aj, times = c(6, 15))
  c(summary(km, times = c(6, 15))$surv, summary(km, times = c(6, 15))$std.err, area(km, 15), at$pstate[, 2], at$pstate[, 3])
})
result[["curves"]] <- list(survival = c(curves[1:2, ]), std_error = c(curves[3:4, ]), restricted_mean = curves[5, ],
                           incidence_1 = c(curves[6:7, ]), incidence_2 = c(curves[8:9, ]))

# Limits from one set of replicates; R's own replicates and influence values are handed on.
set.seed(20)
ratio <- function(d, i) {
  m <- sum(d$day[i] * (1 + d$x1[i]^2)) / sum(1 + d$x1[i]^2)
  c(m, var(d$day[i]) / length(i))
}
made <- boot(rows, ratio, R = 399)
influence <- empinf(made, index = 1, type = "jack", stype = "i")
influence <- influence - mean(influence)
for (level in c(0.9, 0.95)) {
  limits <- boot.ci(made, conf = level, type = c("norm", "basic", "stud", "perc", "bca"), index = c(1, 2), L = influence)
  result[[paste("limits", level)]] <- list(normal = limits$normal[2:3], basic = limits$basic[4:5],
    studentised = limits$student[4:5], percentile = limits$percent[4:5], bca = limits$bca[4:5])
}
result[["replicates"]] <- list(t = made$t[, 1], variance = made$t[, 2], t0 = made$t0, influence = influence)
without <- sapply(seq_len(nrow(rows)), function(i) {
  km <- survfit(Surv(day, cause > 0) ~ 1, data = rows[-i, ])
  c(summary(km, times = 15)$surv, area(km, 15))
})
result[["jackknife"]] <- list(std_error = apply(without, 1, function(v) sqrt((length(v) - 1) / length(v) * sum((v - mean(v))^2))))
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")), boot = as.character(packageVersion("boot")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
