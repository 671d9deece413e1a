"""Numbers in, numbers out: validation, determinants, tiers, demand, detection."""

from __future__ import annotations


def warm_up() -> None:
    """Compile the kernels, or fetch them from `NUMBA_CACHE_DIR`: what a worker does before its first job."""
    from importlib import import_module

    for room in ("billing", "vee", "profiles"):
        import_module(f"analytics.{room}.kernel")
