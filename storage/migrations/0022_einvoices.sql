-- Which electronic invoice a bill is, as the provider who signed it tells; the next correction names it.
CREATE TABLE einvoice (
    bill_id     bigint PRIMARY KEY REFERENCES bill,
    series      text NOT NULL,
    number      integer NOT NULL CHECK (number BETWEEN 1 AND 99999999),
    dated       date NOT NULL,
    code        text NOT NULL DEFAULT '',    -- MCCQT
    recorded_at timestamptz NOT NULL,
    UNIQUE (series, number)
);

-- The buyer's MST, or a person's identification number of twelve digits, which an invoice has to bear.
ALTER TABLE customer ADD COLUMN tax_code text NOT NULL DEFAULT '';
