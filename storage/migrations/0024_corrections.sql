-- A bill that was wrong is followed by one that names it: it replaces it, or adjusts it by the difference.
ALTER TABLE bill
    ADD COLUMN corrects   bigint REFERENCES bill,
    ADD COLUMN correction text CHECK (correction IN ('adjusts', 'replaces')),
    ADD COLUMN correction_reason text NOT NULL DEFAULT '',
    ADD COLUMN rated_on   date,              -- the day whose VAT holds: the original's; NULL: its own invoice's
    ADD CONSTRAINT bill_correction CHECK ((corrects IS NULL) = (correction IS NULL)
        AND (corrects IS NULL) = (correction_reason = '') AND (corrects IS NULL) = (rated_on IS NULL)),
    DROP CONSTRAINT bill_point_from_at_to_at_key;
CREATE UNIQUE INDEX bill_first ON bill (point, from_at, to_at) WHERE corrects IS NULL;
CREATE UNIQUE INDEX bill_replaced ON bill (corrects) WHERE correction = 'replaces';
CREATE INDEX bill_corrects ON bill (corrects) WHERE corrects IS NOT NULL;
CREATE INDEX bill_point ON bill (point, from_at) WHERE corrects IS NOT NULL;

-- How a closing index came about, and how good it is (model.quality).
ALTER TABLE closing_index
    ADD COLUMN method  text NOT NULL DEFAULT '',
    ADD COLUMN quality smallint NOT NULL DEFAULT 1;

-- What an index was before an approved correction; the first row of an index is what its first bill stood upon.
CREATE TABLE closing_index_past (
    point       text NOT NULL REFERENCES point,
    meter_id    integer NOT NULL REFERENCES meter,
    channel     smallint NOT NULL,
    rate        smallint NOT NULL,
    at          timestamptz NOT NULL,
    raw         bigint NOT NULL,
    scaler      smallint NOT NULL,
    status      text NOT NULL,
    method      text NOT NULL,
    quality     smallint NOT NULL,
    closed_at   timestamptz NOT NULL,
    replaced_at timestamptz NOT NULL,
    correction  bigint NOT NULL,
    PRIMARY KEY (meter_id, channel, rate, at, correction)
);

-- A reading that came after an index was closed and says something else of its instant.
CREATE TABLE reading_conflict (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id   integer NOT NULL REFERENCES meter,
    channel    smallint NOT NULL,
    rate       smallint NOT NULL,
    at         timestamptz NOT NULL,
    raw        bigint NOT NULL,          -- what was read
    scaler     smallint NOT NULL,
    method     text NOT NULL,
    noticed_at timestamptz NOT NULL,
    settled_at timestamptz,
    settled_by text,
    settlement text NOT NULL DEFAULT '',
    UNIQUE (meter_id, channel, rate, at, raw, scaler),
    CHECK ((settled_at IS NULL) = (settled_by IS NULL) AND (settled_at IS NULL) = (settlement = ''))
);
CREATE INDEX reading_conflict_open ON reading_conflict (at) WHERE settled_at IS NULL;

-- The order to correct a bill: what it came to, what it comes to, and who agreed.
CREATE TABLE bill_correction (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bill_id      bigint NOT NULL REFERENCES bill,
    kind         text NOT NULL CHECK (kind IN ('adjusts', 'replaces')),
    reason       text NOT NULL CHECK (reason <> ''),
    indices      jsonb NOT NULL DEFAULT '[]',   -- closing indices that are corrected with it
    invoice_date date NOT NULL,
    total_before bigint NOT NULL,
    total_after  bigint NOT NULL,
    digest       bytea NOT NULL,                -- of the bill as it was counted for the order
    state        text NOT NULL DEFAULT 'ordered' CHECK (state IN ('ordered', 'issued', 'withdrawn')),
    ordered_by   text NOT NULL,
    ordered_at   timestamptz NOT NULL,
    approved_by  text,
    approved_at  timestamptz,
    issued_bill  bigint REFERENCES bill,
    CHECK (approved_by <> ordered_by),
    CHECK ((state = 'issued') = (issued_bill IS NOT NULL AND approved_by IS NOT NULL))
);
CREATE UNIQUE INDEX bill_correction_open ON bill_correction (bill_id) WHERE state = 'ordered';
ALTER TABLE closing_index_past ADD FOREIGN KEY (correction) REFERENCES bill_correction;
