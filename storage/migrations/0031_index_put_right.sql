-- An index closed wrongly on which no bill stands is put right without a bill: by whom and why stands with what it was.
ALTER TABLE closing_index_past
    DROP CONSTRAINT closing_index_past_pkey,
    ALTER COLUMN correction DROP NOT NULL,
    ADD COLUMN put_right_by text,
    ADD COLUMN reason text,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD UNIQUE (meter_id, channel, rate, at, correction),
    ADD CHECK ((correction IS NULL) = (put_right_by IS NOT NULL AND reason <> ''));
