"""The words everybody uses: meters, series, periods, quantities, money, bills, alerts.

Standard library only; every value is frozen; every instant is aware.
"""
