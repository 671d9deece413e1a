-- Why a node that lives takes no shards for now, and leaves what it would have to others; empty while it takes its share.
ALTER TABLE node ADD COLUMN resting text NOT NULL DEFAULT '';
