"""Numbers in, numbers out: validation, determinants, tiers, demand, detection."""
