-- By which version of the score a station was looked through: one that came in force since makes it due again.
ALTER TABLE station_night ADD COLUMN model integer REFERENCES score_model;
UPDATE station_night SET model = (SELECT version FROM score_model WHERE in_force);
