-- The public way of a case tells of lawful refusals, of other bodies' answers, and of pauses, too: the words of `TOLD` in
-- `store/public_requests.rs`, in its order, or the index is not used.
DROP INDEX journal_of_public_updates;
CREATE INDEX journal_of_public_updates ON journal (at, seq)
WHERE case_number IS NOT NULL AND type IN ('case.registered', 'wo.issued', 'wo.accepted', 'wo.declined', 'wo.started',
    'wo.reported', 'wo.returned', 'evidence.accepted', 'case.explained', 'case.refused', 'case.forwarded',
    'case.forward_answered', 'norm.clock_paused', 'norm.clock_resumed', 'case.merged', 'case.reopened', 'case.withdrawn',
    'case.closed');
