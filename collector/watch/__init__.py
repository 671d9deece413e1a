"""How a head-end is seen from outside: metrics, health, its word in the database."""
