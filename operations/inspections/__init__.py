"""Kiểm tra sử dụng điện: each validated day is scored, each night who stands out is weighed by station, few
are visited, and what is found there teaches the score and says how often it was right."""
