"""Do groups differ? Tests on whole curves."""
