-- Bills that hold: issued, and not replaced by another since. An adjustment stands beside the bill it is of.
CREATE VIEW standing_bill AS
SELECT b.* FROM bill b
WHERE NOT EXISTS (SELECT FROM bill r WHERE r.corrects = b.id AND r.correction = 'replaces');
