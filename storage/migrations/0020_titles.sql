-- What a meter with keys calls itself in ciphered messages, as it proved when it was last opened under its keys.
CREATE TABLE meter_title (
    meter_id integer PRIMARY KEY REFERENCES meter ON DELETE CASCADE,
    title    bytea NOT NULL CHECK (octet_length(title) = 8)
);
CREATE INDEX meter_title_title ON meter_title (title);
