-- For how many nights a round stands: what was looked at for the first time, or after a pause, makes up for those before.
ALTER TABLE inspection_round ADD COLUMN nights smallint NOT NULL DEFAULT 1 CHECK (nights > 0);
