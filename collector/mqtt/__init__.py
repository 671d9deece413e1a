"""What gateways send through a broker."""
