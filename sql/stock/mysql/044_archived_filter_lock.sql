INSERT IGNORE INTO archived_filter (block, layer, bits) VALUES (-1, 0, '')
