package commitlog

import (
	"encoding/binary"
	"hash/crc32"
)

// recordHeaderBytes is the length and the CRC in front of each payload.
const recordHeaderBytes = 8

// firstOfBatch is the bit of a record's length that marks the first record of a
// batch. A batch is written only once the one before it is durable, so whatever
// lies before a mark was durable: that tells damage from what a crash tore. Its
// CRC covers its own offset too, so that no record inside a payload and none
// from another place passes for it. Logs of earlier versions have no marks.
const firstOfBatch = 1 << 31

// sealRecord fills in the header of record, whose payload is already there.
func sealRecord(record []byte, offset int64, first bool) {
	length := uint32(len(record) - recordHeaderBytes)
	if first {
		length |= firstOfBatch
	}
	binary.BigEndian.PutUint32(record, length)
	binary.BigEndian.PutUint32(record[4:], recordCRC(record, offset))
}

// recordCRC is the CRC32C of a record's length and payload, and of its offset
// if it is the first of a batch.
func recordCRC(record []byte, offset int64) uint32 {
	castagnoli := crc32.MakeTable(crc32.Castagnoli) // always the same one, so this costs nothing
	crc := crc32.Update(0, castagnoli, record[:4])
	crc = crc32.Update(crc, castagnoli, record[recordHeaderBytes:])
	if isFirst(record) {
		var at [8]byte
		binary.BigEndian.PutUint64(at[:], uint64(offset))
		crc = crc32.Update(crc, castagnoli, at[:])
	}
	return crc
}

// validRecord reports whether record, which is as long as its header says, has
// the CRC that its header says.
func validRecord(record []byte, offset int64) bool {
	return binary.BigEndian.Uint32(record[4:]) == recordCRC(record, offset)
}

// recordBytes is the whole length of the record with this header.
func recordBytes(header []byte) int64 {
	return recordHeaderBytes + int64(binary.BigEndian.Uint32(header)&^firstOfBatch)
}

// isFirst tells the first record of a batch by its header.
func isFirst(header []byte) bool { return binary.BigEndian.Uint32(header)&firstOfBatch != 0 }
