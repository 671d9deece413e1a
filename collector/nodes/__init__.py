"""Head-ends at one database: who polls which modems, and carries out which orders."""
