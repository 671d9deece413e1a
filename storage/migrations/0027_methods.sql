-- How each slot of a day was made (analytics.vee.methods), beside how far it may be trusted: a byte a slot, and nothing at
-- all for a day on which every slot was made in the usual way of its quality.
ALTER TABLE profile_day ADD COLUMN method bytea CHECK (length(method) = length(quality));
ALTER TABLE profile_day_past ADD COLUMN method bytea;
