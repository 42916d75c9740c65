# Mean counts of recurrent events: R's survival (cumulative hazard with id), mets (with a terminal event), and, under ties, the
# jackknife written out. Usage: Rscript mean_count.R DATA_FOLDER OUTPUT.json
library(survival)
library(mets)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "flares.csv"))
result <- list()
take <- function(fit) list(time = fit$time, n_at_risk = fit$n.risk, n_events = fit$n.event,
                           estimate = fit$cumhaz, std_error = fit$std.chaz)
result[["plain"]] <- take(survfit(Surv(start, stop, event) ~ 1, rows, id = subject, robust = TRUE))
result[["weighted"]] <- take(survfit(Surv(start, stop, event) ~ 1, rows, id = subject, robust = TRUE, weights = weight))

# mets works through tied rows one after another, so it is given days without ties (each subject keeps its order).
untied <- rows
untied$start <- rows$start + ifelse(rows$start > 0, rows$subject / 1000, 0)
untied$stop <- rows$stop + rows$subject / 1000
recurrent <- phreg(Surv(start, stop, event) ~ cluster(subject), data = untied)
death <- phreg(Surv(start, stop, terminal) ~ cluster(subject), data = untied)
marginal <- recurrentMarginal(recurrent, death)
result[["terminal untied"]] <- list(day = marginal$times, estimate = marginal$mu)

# From the definition, sum of S(t-) d/n, and its derivative in each subject's weight by central differences.
mean_count <- function(rows, w, days) {
  alive <- 1
  total <- 0
  sapply(days, function(day) {
    inside <- rows$start < day & day <= rows$stop
    now <- rows$stop == day
    n <- sum(w[inside])
    total <<- total + alive * sum((w * rows$event)[now]) / n
    alive <<- alive * (1 - sum((w * rows$terminal)[now]) / n)
    total
  })
}
written_out <- function(w) {
  days <- sort(unique(rows$stop))
  squares <- sapply(unique(rows$subject), function(s) {
    up <- w * ifelse(rows$subject == s, 1 + 1e-5, 1)
    down <- w * ifelse(rows$subject == s, 1 - 1e-5, 1)
    ((mean_count(rows, up, days) - mean_count(rows, down, days)) / 2e-5)^2
  })
  list(time = days, estimate = mean_count(rows, w, days), std_error = sqrt(rowSums(squares)))
}
result[["terminal"]] <- written_out(rep(1, nrow(rows)))
result[["terminal weighted"]] <- written_out(rows$weight)
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")), mets = as.character(packageVersion("mets")))
write_json(list(versions = versions, numbers = lapply(result, function(x) lapply(x, unname))), args[2],
           digits = NA, na = "null", auto_unbox = FALSE)
