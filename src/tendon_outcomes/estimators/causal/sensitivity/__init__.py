"""How wrong a comparison could be: checks whose true answer is nothing, and what it would take to change the conclusion."""
