-- The lock's layer is the version of the filter, which each writer counts up. 0 says that it is empty.
UPDATE archived_filter SET layer = 1 WHERE block = -1 AND EXISTS (SELECT 1 FROM archived_requests)
