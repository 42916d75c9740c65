"""Values that are told rather than measured: are they heaped, what may they have been, and what does that do to an estimate?"""
