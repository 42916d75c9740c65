"""One runner's records and derivations, to be read and checked: exports, stories, time lines. They stay in the clinic."""
