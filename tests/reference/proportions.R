# Score and exact limits of a proportion. Usage: Rscript proportions.R DATA_FOLDER OUTPUT.json
library(jsonlite)
args <- commandArgs(trailingOnly = TRUE)
cases <- list(c(51, 66), c(80, 90), c(220, 254), c(17, 20), c(2, 20), c(0, 12), c(12, 12), c(1, 1), c(0, 1), c(333, 1000))
result <- list()
for (case in cases) for (level in c(0.9, 0.95, 0.99)) {
  score <- suppressWarnings(prop.test(case[1], case[2], correct = FALSE, conf.level = level))$conf.int
  exact <- binom.test(case[1], case[2], conf.level = level)$conf.int
  result[[paste(case[1], case[2], level)]] <- list(wilson = as.numeric(score), clopper_pearson = as.numeric(exact))
}
write_json(list(versions = list(R = R.version.string), numbers = result), args[2], digits = NA, auto_unbox = FALSE)
