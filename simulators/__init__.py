"""Meters, modems, a small grid and its faults: servers that speak the real protocols."""
