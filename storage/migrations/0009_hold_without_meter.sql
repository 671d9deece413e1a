-- A customer's point at which no meter hangs is held too: there is none to name.
ALTER TABLE bill_hold ALTER COLUMN meter_id DROP NOT NULL;
