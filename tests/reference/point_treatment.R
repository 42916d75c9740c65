# Weighted and standardised means of two treatments with stacked variances, by R. Usage: Rscript point_treatment.R DATA_FOLDER OUTPUT.json
suppressMessages({library(survival); library(jsonlite)})
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "resampling.csv"))
tight <- glm.control(epsilon = 1e-14, maxit = 100)
days <- c(6, 15)
n <- nrow(rows)
a <- rows$treated
patient <- (seq_len(n) - 1) %/% 2

errors <- function(influence) {
  summed <- rowsum(influence, patient)
  list(std_error = sqrt(colSums(influence^2)), patient_std_error = sqrt(colSums(summed^2)),
       covariance = sum(influence[, 1] * influence[, 2]))
}
difference <- function(mean, influence) {
  c(list(mean = mean), errors(influence), list(difference_std_error = sqrt(sum((influence[, 2] - influence[, 1])^2))))
}

model <- glm(a ~ x1 + x2, family = binomial, data = rows, control = tight)
e <- fitted(model)
x <- model.matrix(model)
score <- x * (a - e)
information <- t(x) %*% (x * (e * (1 - e)))
tilts <- list(everyone = rep(1, n), treated = e, overlap = e * (1 - e))
slopes <- list(everyone = x * 0, treated = x * (e * (1 - e)), overlap = x * (e * (1 - e) * (1 - 2 * e)))
result <- list()
for (target in names(tilts)) {
  for (j in seq_along(days)) {
    influence <- matrix(0, n, 2)
    mean <- numeric(2)
    for (k in 0:1) {
      own <- if (k == 1) e else 1 - e
      sign <- if (k == 1) 1 else -1
      w <- tilts[[target]] / own
      derivative <- slopes[[target]] / own - tilts[[target]] / own^2 * sign * (x * (e * (1 - e)))
      mine <- which(a == k)
      frame <- data.frame(day = rows$day[mine], cause = factor(rows$cause[mine], 0:2), w = w[mine], id = seq_along(mine))
      fit <- survfit(Surv(day, cause) ~ 1, data = frame, weights = w, id = id, influence = TRUE)
      at <- max(which(fit$time <= days[j]))
      mean[k + 1] <- fit$pstate[at, 2]
      # The influence of a multi-state curve is the derivative by a row's weight; its first column is time 0.
      per_weight <- fit$influence.pstate[, at + 1, 2]
      influence[mine, k + 1] <- per_weight * w[mine]
      pull <- colSums(per_weight * derivative[mine, , drop = FALSE])
      influence[, k + 1] <- influence[, k + 1] + score %*% solve(information, pull)
    }
    result[[paste("weighted", target, days[j])]] <- difference(mean, influence)
  }
}

values <- list(binary = as.numeric(rows$day > 12), share = (rows$day / 30 + rows$x2) / 2)
for (name in names(values)) {
  y <- values[[name]]
  for (target in c("everyone", "treated")) {
    share <- if (target == "everyone") rep(1 / n, n) else a / sum(a)
    influence <- matrix(0, n, 2)
    mean <- numeric(2)
    for (k in 0:1) {
      mine <- which(a == k)
      fit <- glm(y ~ x1 + x2, family = quasibinomial, data = data.frame(rows, y = y)[mine, ], control = tight)
      p <- as.vector(plogis(x %*% coef(fit)))
      mean[k + 1] <- sum(share * p)
      influence[, k + 1] <- share * (p - mean[k + 1])
      own <- p[mine]
      curve <- t(x[mine, ]) %*% (x[mine, ] * (own * (1 - own)))
      along <- solve(curve, colSums(share * p * (1 - p) * x))
      pulled <- as.vector((x[mine, ] * (y[mine] - own)) %*% along) / sqrt(1 - hatvalues(fit))
      influence[mine, k + 1] <- influence[mine, k + 1] + pulled
    }
    result[[paste("standardised", name, target)]] <- difference(mean, influence)
  }
}
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")),
                 jsonlite = as.character(packageVersion("jsonlite")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, auto_unbox = TRUE)
