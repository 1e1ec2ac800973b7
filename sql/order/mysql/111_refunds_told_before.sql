-- Of refunds that were back before there was such a message nobody is told.
UPDATE refunds SET told = 1 WHERE state IN ('done', 'settled')
