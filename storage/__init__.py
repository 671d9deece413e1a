"""TimescaleDB: the embedded server, pools, migrations, one module of queries per noun."""
