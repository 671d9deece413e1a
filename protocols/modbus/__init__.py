"""Modbus register maps: what stands in which register, and how a meter's own logger is laid out."""
