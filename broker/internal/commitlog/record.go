package commitlog

import (
	"encoding/binary"
	"hash/crc32"
)

// recordHeaderBytes is the length and the CRC in front of each payload.
const recordHeaderBytes = 8

// sealRecord fills in the header of record, whose payload is already there.
func (l *Log) sealRecord(record []byte) {
	binary.BigEndian.PutUint32(record, uint32(len(record)-recordHeaderBytes))
	binary.BigEndian.PutUint32(record[4:], l.recordCRC(record))
}

// recordCRC is the CRC32C of a record's length and payload.
func (l *Log) recordCRC(record []byte) uint32 {
	crc := crc32.Update(0, l.castagnoli, record[:4])
	return crc32.Update(crc, l.castagnoli, record[recordHeaderBytes:])
}

// validRecord reports whether record, which is as long as its header says, has
// the CRC that its header says.
func (l *Log) validRecord(record []byte) bool {
	return binary.BigEndian.Uint32(record[4:]) == l.recordCRC(record)
}

// recordBytes is the whole length of the record with this header.
func recordBytes(header []byte) int64 {
	return recordHeaderBytes + int64(binary.BigEndian.Uint32(header))
}
