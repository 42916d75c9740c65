# Cox fits on which Python peers are known to differ: robust errors under ties, weights, (entry, exit] rows, the optimum's last digits.
# Usage: Rscript peer_defects.R DATA_FOLDER OUTPUT.json
library(survival)
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(file.path(args[1], "right_censored.csv"))
rows$event <- as.integer(rows$cause == 1)
rows$group <- (seq_len(nrow(rows)) - 1) %% 40
rows$late <- as.integer(rows$entry > 0)
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-14, iter.max = 60)

told <- function(fit) {
  list(estimate = unname(coef(fit)), std_error = unname(sqrt(diag(vcov(fit)))), naive_std_error = unname(sqrt(diag(if (is.null(fit$naive.var)) fit$var else fit$naive.var))),
       log_likelihood = fit$loglik[2])
}

result <- list()
for (ties in c("efron", "breslow")) {
  result[[paste(ties, "plain")]] <- told(coxph(Surv(day, event) ~ copies + late, rows, ties = ties, control = tight))
  result[[paste(ties, "clustered")]] <- told(coxph(Surv(day, event) ~ copies + late, rows, ties = ties, cluster = group, control = tight))
  result[[paste(ties, "weighted")]] <-
    told(coxph(Surv(day, event) ~ copies + late, rows, weights = weight, ties = ties, robust = TRUE, control = tight))
  result[[paste(ties, "entry weighted clustered")]] <-
    told(coxph(Surv(entry, day, event) ~ copies, rows, weights = weight, ties = ties, cluster = group, control = tight))
}
versions <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write_json(list(versions = versions, numbers = result), args[2], digits = NA, na = "null", auto_unbox = FALSE)
