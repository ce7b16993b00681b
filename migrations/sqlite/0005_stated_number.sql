-- Where a caller from the web page says to be reached; not proven.
ALTER TABLE contacts ADD COLUMN stated_number TEXT;
