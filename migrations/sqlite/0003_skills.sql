-- What an operator can do besides speaking languages: names and levels, 1 to 5, as a JSON object.
ALTER TABLE users ADD COLUMN skills TEXT NOT NULL DEFAULT '{}';
