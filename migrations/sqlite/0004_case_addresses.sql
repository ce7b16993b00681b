-- Where a case is, for "what else is open here": the street's key in the address register, the house in the one form
-- houses are compared by, and millionths of a degree. Empty for cases without an address in its parts.
ALTER TABLE cases ADD COLUMN street TEXT;
ALTER TABLE cases ADD COLUMN house TEXT;
ALTER TABLE cases ADD COLUMN lat INTEGER;
ALTER TABLE cases ADD COLUMN lon INTEGER;
CREATE INDEX open_cases_by_street ON cases (street, house) WHERE street IS NOT NULL AND state <> 'closed';
CREATE INDEX open_cases_by_latitude ON cases (lat) WHERE lat IS NOT NULL AND state <> 'closed';
