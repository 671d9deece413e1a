
-- What was asked of each meter's items and completely answered, in as few spans as can be. Answers grow by one each
-- half-hour for years, and the head-end wants to know at every start what is missing: it reads one row for each item.
CREATE TABLE answered (
    meter_id integer NOT NULL REFERENCES meter,
    item     text NOT NULL,
    spans    tstzmultirange NOT NULL,
    PRIMARY KEY (meter_id, item)
) WITH (fillfactor = 50);                            -- a row is rewritten with each answer, on its own page
INSERT INTO answered (meter_id, item, spans)
SELECT meter_id, item, range_agg(tstzrange(asked_from, asked_to))
FROM answer WHERE complete AND asked_from < asked_to GROUP BY meter_id, item;
