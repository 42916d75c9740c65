"""One treatment at time zero: means of outcomes had everybody been given it."""
