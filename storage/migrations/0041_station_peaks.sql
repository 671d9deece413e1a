-- How high each station's load rose by day, and near what its transformer is made for: stations are ordered by it.
CREATE TABLE station_peak (
    day     date NOT NULL,
    station text NOT NULL REFERENCES station,
    pmax_w  double precision,        -- NULL: nothing was measured that day
    share   double precision,        -- of the rated power; NULL: that is not known
    PRIMARY KEY (day, station) INCLUDE (pmax_w, share)
);
CREATE INDEX station_peak_station ON station_peak (station, day);
