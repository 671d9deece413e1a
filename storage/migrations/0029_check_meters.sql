-- A second meter on the same supply, which nobody is billed by, and the point that it checks.
ALTER TABLE point DROP CONSTRAINT point_role_check;
ALTER TABLE point ADD CONSTRAINT point_role_check CHECK (role IN ('customer', 'station_head', 'check'));
ALTER TABLE point ADD COLUMN checked_by text REFERENCES point;
ALTER TABLE point ADD CONSTRAINT point_checked CHECK (checked_by IS NULL OR role <> 'check');
CREATE INDEX point_checked_by ON point (checked_by) WHERE checked_by IS NOT NULL;

-- How a class of customers lives by the day, out of its measured days: estimates go by it where nothing else is known.
CREATE TABLE class_curve (
    customer_class text PRIMARY KEY,
    curve          double precision[] NOT NULL,  -- of a half-hour each, mean 1
    meters         integer NOT NULL,             -- from how many, and how many of their days
    days           integer NOT NULL,
    computed_at    timestamptz NOT NULL,
    CHECK (cardinality(curve) = 48)
);
