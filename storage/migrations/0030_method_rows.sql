-- The method of a slot beside its quality; where nothing else is kept, the usual one of that quality.
CREATE OR REPLACE VIEW interval_reading AS
SELECT m.serial AS meter,
       d.channel,
       (d.day::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh') + (s.slot - 1) * make_interval(secs => d.interval_s) AS at,
       CASE WHEN get_byte(d.quality, s.slot::integer - 1) = 0 THEN NULL
            ELSE s.energy * power(10::numeric, d.scaler) / 1000 END AS kwh,
       get_byte(d.quality, s.slot::integer - 1) AS quality,
       d.day,
       coalesce(get_byte(d.method, s.slot::integer - 1), CASE get_byte(d.quality, s.slot::integer - 1)
           WHEN 2 THEN 2 WHEN 3 THEN 4 WHEN 4 THEN 7 WHEN 5 THEN 4 WHEN 7 THEN 9 ELSE 0 END) AS method
FROM profile_day d
JOIN meter m ON m.id = d.meter_id
CROSS JOIN LATERAL unnest(d.energy) WITH ORDINALITY AS s (energy, slot);
