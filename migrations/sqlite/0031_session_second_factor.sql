-- How a session came about: `by_oidc` through the city's identity provider, which then wants to hear of its end;
-- `second_factor` where that provider has seen one, so that none of ours is asked for.
ALTER TABLE sessions ADD COLUMN by_oidc INTEGER NOT NULL DEFAULT 0 CHECK (by_oidc IN (0, 1));
ALTER TABLE sessions ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0 CHECK (second_factor IN (0, 1));
