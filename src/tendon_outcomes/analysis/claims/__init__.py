"""The register of the clinic's claims: each a verdict, a refusal with its reason, or the number of runners that would do."""
