"""What the page says of a comparison of strategies: sentences, tables and figures, from rows of results."""
