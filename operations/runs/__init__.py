"""Billing runs: drafted, checked, approved by a second person, issued; what is killed is gone on with."""
