"""What would have happened under another treatment: weights, standardisation, clones, and how wrong they could be."""
