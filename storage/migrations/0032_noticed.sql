-- What a check noticed of a run, as figures: worded in the language of whoever looks.
ALTER TABLE billing_run_finding ADD COLUMN facts jsonb NOT NULL DEFAULT '{}';
