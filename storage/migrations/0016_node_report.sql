-- What each head-end says of itself every few seconds, for whoever looks at the fleet.
ALTER TABLE node ADD COLUMN report jsonb NOT NULL DEFAULT '{}', ADD COLUMN reported_at timestamptz;

-- Blocks of more than a day, or with holes: how complete a day is must not look through the month before it for them.
CREATE INDEX profile_block_long ON profile_block (meter_id, last)
    WHERE instants IS NOT NULL OR cardinality(raw) * interval_s > 86400;
