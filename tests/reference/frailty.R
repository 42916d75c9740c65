# Recovery of those still ill on day 0 under a gamma frailty, in R. Usage: Rscript frailty.R DATA_FOLDER OUTPUT.json
#
# Variance 0: glm, a complementary log-log regression with an offset where all are looked at on the same days. Above 0 nothing in R
# takes intervals, a frailty of given variance and the time before day 0 at once: the likelihood is written from its definition
# and climbed by optim and Newton steps on differences.
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "parametric.csv"))
for (end in c("seen_right", "step_right")) rows[[end]][is.na(rows[[end]])] <- Inf
n <- nrow(rows)
weeks <- 1 + (seq_len(n) * 37) %% 61  # a duration for every row, made from its number
x <- cbind(log2(weeks), rows$arm, rows$dose)

step <- 1e-3
slope <- function(f, at) sapply(seq_along(at), function(j) {
  g <- function(by) { at[j] <- at[j] + by; f(at) }
  (8 * (g(step) - g(-step)) - (g(2 * step) - g(-2 * step))) / (12 * step)
})
curvature <- function(f, at) { h <- slope(function(b) slope(f, b), at); (h + t(h)) / 2 }
summit <- function(f, at) {
  at <- optim(at, f, method = "BFGS", control = list(fnscale = -1, maxit = 2000, reltol = 1e-15))$par
  for (i in 1:6) at <- at - solve(curvature(f, at), slope(f, at))
  at
}

begins <- c(0, 42, 126); ends <- c(42, 126, Inf)
days <- function(t) sapply(1:3, function(k) pmax(0, pmin(t, ends[k]) - begins[k]))
row_log_likelihood <- function(left, right, x, v, before) {
  seen <- is.finite(right); finite <- ifelse(seen, right, left)
  share <- colSums(days((left + finite) / 2)); share <- share / sum(share)
  z <- sweep(x, 2, colMeans(x)); low <- days(left); high <- days(finite)
  function(b, c = 1) {
    a <- exp(b[1:3]); relative <- exp(drop(z %*% b[-(1:3)]))
    past <- before * sum(share * a) * 7 * weeks
    still <- function(total) if (v == 0) exp(-total) else ((c + v * past) / (c + v * (past + total)))^(1 / v)
    log(still(relative * drop(low %*% a)) - ifelse(seen, still(relative * drop(high %*% a)), 0))
  }
}

fits <- list()
start <- c(rep(log(0.005), 3), 0, 0, 0)
for (v in c(0, 0.1, 0.25, 0.5)) for (before in c(1, 0.5)) {
  of_rows <- row_log_likelihood(rows$seen_left, rows$seen_right, x, v, before)
  f <- function(b) sum(of_rows(b))
  at <- summit(f, start)
  inverse <- solve(-curvature(f, at))
  scores <- sapply(seq_along(at), function(j) {
    g <- function(by) { at[j] <- at[j] + by; of_rows(at) }
    (8 * (g(step) - g(-step)) - (g(2 * step) - g(-2 * step))) / (12 * step)
  })
  robust <- inverse %*% crossprod(rowsum(scores, rows$person)) %*% inverse
  fits[[paste(v, before)]] <- list(
    estimate = at[4:6], std_error = sqrt(diag(inverse))[4:6], clustered_std_error = sqrt(diag(robust))[4:6],
    log_rate = at[1:3], log_likelihood = f(at), ratio = unname(exp(at[4] * log2(52 / 6))))
}

# At variance 1 the likelihood rises with the rates for ever: its limit has a constant of 0, and only the rates' proportions.
of_rows <- row_log_likelihood(rows$seen_left, rows$seen_right, x, 1, 1)
f <- function(b) sum(of_rows(c(0, b), 0))
at <- summit(f, start[-1] - start[1] * c(1, 1, 0, 0, 0))
inverse <- solve(-curvature(f, at))
bounded <- sum(of_rows(c(12, 12 + at[1:2], at[3:5])))
stopifnot(bounded < f(at))
limit <- list(estimate = at[3:5], std_error = sqrt(diag(inverse))[3:5], log_likelihood = f(at))

# Every row looked at on the same days, one rate for each cell: glm itself.
edges <- c(0, 42, 126, 260)
left <- edges[findInterval(rows$step_left, edges)]
right <- ifelse(is.finite(rows$step_right), edges[findInterval(rows$step_left, edges) + 1], Inf)
cells <- do.call(rbind, lapply(seq_len(n), function(i) do.call(rbind, lapply(1:3, function(j) {
  free <- edges[j + 1] <= left[i]
  event <- edges[j] == left[i] && is.finite(right[i])
  if (free || event) data.frame(cell = j, y = as.numeric(event), z1 = x[i, 1], z2 = x[i, 2], z3 = x[i, 3])
}))))
grouped <- glm(y ~ factor(cell) + z1 + z2 + z3 - 1, family = binomial("cloglog"), data = cells,
               control = glm.control(epsilon = 1e-16, maxit = 200))
glm_of <- list(estimate = unname(coef(grouped)[4:6]), log_likelihood = as.numeric(logLik(grouped)))
numbers <- list(frailty = fits, limit = limit, glm = glm_of)
write_json(list(versions = list(R = R.version.string), numbers = numbers), args[2], digits = NA, na = "null", auto_unbox = FALSE)
