# Peers in R, timed inside R: Rscript peers.R TASK FOLDER SECONDS. The sample is the binary columns that measured.store wrote to FOLDER.
# Prints one line of JSON: median seconds of a call by the clock and of the
# processor (the first call left out), added peak memory in MB, and the numbers found.
suppressMessages(library(survival))
suppressMessages(library(jsonlite))
args <- commandArgs(trailingOnly = TRUE)
task <- args[1]
folder <- args[2]
allowed <- as.numeric(args[3])
shape <- fromJSON(file.path(folder, "sample.json"))
column <- function(name) readBin(file.path(folder, name), "double", n = shape$columns[[name]])
memory <- function(what) as.numeric(sub("\\D*(\\d+).*", "\\1", grep(what, readLines("/proc/self/status"), value = TRUE))) / 1024

day <- if ("day" %in% names(shape$columns)) column("day")
horizon <- 84
means <- function(fit) unname(survival:::survmean(fit, rmean = horizon)$matrix[c("rmean", "se(rmean)")])
work <- switch(task,
  coxph = {
    rows <- as.data.frame(matrix(column("x"), nrow = length(day)))
    rows$day <- day
    rows$event <- column("event")
    function() unname(coef(coxph(Surv(day, event) ~ ., rows)))
  },
  coxph.fit = {
    x <- matrix(column("x"), nrow = length(day))
    y <- Surv(day, column("event"))
    control <- coxph.control()
    function() unname(coxph.fit(x, y, NULL, NULL, NULL, control, NULL, "efron", NULL)$coefficients)
  },
  survfit = {
    rows <- data.frame(day = day, event = as.integer(column("cause") == 1))
    function() {
      fit <- survfit(Surv(day, event) ~ 1, rows, conf.type = "log-log")
      c(tail(fit$surv[fit$time <= horizon], 1), means(fit))
    }
  },
  survfit.multistate = {
    rows <- data.frame(day = day, cause = factor(column("cause")))
    function() {
      fit <- survfit(Surv(day, cause) ~ 1, rows)
      at <- max(which(fit$time <= horizon))
      c(fit$pstate[at, 2], fit$std.err[at, 2])
    }
  },
  cuminc = {
    suppressMessages(library(cmprsk))
    cause <- column("cause")
    function() {
      curve <- cuminc(day, cause)[["1 1"]]
      curve$est[max(which(curve$time <= horizon))]
    }
  },
  survfit.interval = {
    right <- column("right")
    right[is.infinite(right)] <- NA
    y <- Surv(column("left"), right, type = "interval2")
    function() {
      fit <- survfit(y ~ 1)
      1 - fit$surv[max(which(fit$time <= horizon))]
    }
  },
  stop("no such task")
)

invisible(gc())
try(writeLines("5", "/proc/self/clear_refs"), silent = TRUE)
before <- memory("VmRSS")
started <- proc.time()[["elapsed"]]
numbers <- work()
first <- proc.time()[["elapsed"]] - started
added <- memory("VmHWM") - before
calls <- max(1, ceiling(0.05 / max(first, 0.001)))
times <- c()
processor <- c()
spent <- 0
while (length(times) < 1 || (spent < allowed && length(times) < 9)) {
  clock <- system.time(for (i in seq_len(calls)) work())
  took <- clock[["elapsed"]]
  times <- c(times, took / calls)
  processor <- c(processor, (clock[["user.self"]] + clock[["sys.self"]]) / calls)
  spent <- spent + took
}
told <- list(seconds = median(times), processor = median(processor), added_mb = added, numbers = numbers)
cat(toJSON(told, digits = NA, auto_unbox = FALSE), "\n")
