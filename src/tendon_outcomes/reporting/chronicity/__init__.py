"""What the page says of how long it has hurt: sentences, tables, figures and a view for runners, from rows of results."""
