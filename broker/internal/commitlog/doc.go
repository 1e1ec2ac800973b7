// Package commitlog is an append-only log in segment files: every record has a
// CRC32C, offsets are file positions that run through all segments (RocketMQ's
// commit log offset), and concurrent appends share fsyncs.
//
// A record on disk is its length (uint32), the CRC32C of length and payload
// (uint32) and the payload, so that a region of zeros is never a record. It
// never spans two segments. A segment file is named by the 20 digits of its
// first offset, and the next one starts at the offset where it ends. The highest
// bit of the length marks the first record of a batch, whose CRC covers its
// offset as well: see firstOfBatch.
//
// The log is a sequence of whole records at every moment: a crash leaves a
// prefix of what was appended, which holds at least every record that
// OnDurable has told of.
package commitlog
