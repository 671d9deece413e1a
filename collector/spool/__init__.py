"""Between meter and database: the journal on the disk, and the way out of it."""
