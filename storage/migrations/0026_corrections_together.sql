-- An index that bills of several months stand upon: their corrections are ordered, approved and taken back as one.
ALTER TABLE bill_correction ADD COLUMN together bigint REFERENCES bill_correction;  -- the first of them
CREATE INDEX bill_correction_together ON bill_correction (together) WHERE together IS NOT NULL;
