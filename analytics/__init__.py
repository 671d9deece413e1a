"""Numbers in, numbers out: validation, determinants, tiers, demand, detection."""

from __future__ import annotations


def warm_up() -> None:
    """Compile the kernels, or fetch them from `NUMBA_CACHE_DIR`: before the first job, or the first page."""
    from importlib import import_module

    for kernels in ("billing.kernel", "vee.kernel", "profiles.kernel", "profiles.forecast_kernel"):
        import_module(f"analytics.{kernels}")
