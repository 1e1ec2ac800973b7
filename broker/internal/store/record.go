package store

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kinds of log records. Each is one byte in front of its data. What a record
// changes and the message that comes of it are one record, so a crash leaves
// both or neither: a half is never committed without its message, a delayed
// message never delivered without being taken off its level.
const (
	// recordMessage stores a message: one that was sent, a half message, or
	// one that begins to wait on a delay level.
	recordMessage byte = iota + 1
	// recordDelivered is the delayed message at source, now on its real topic.
	recordDelivered
	// recordFinished ends the half message at source by the message it carries:
	// the committed one, or its copy on TRANS_CHECK_MAX_TIME_TOPIC.
	recordFinished
	// recordRolledBack ends the half message at source.
	recordRolledBack
	// recordChecked counts a check-back of the half message at source.
	recordChecked
)

var errRecord = errors.New("malformed log record")

// messageMin is an encoded message with no body, topic or properties.
const messageMin = 91

// storeTimestampAt is where an encoded message holds its store time.
const storeTimestampAt = 56

// cause says why a message is appended.
type cause struct {
	kind   byte  // recordMessage, recordDelivered or recordFinished
	source int64 // physical offset of the half or delayed message; 0 for recordMessage
	level  int32 // recordDelivered: the delay level it waited on
}

// record is a decoded log record. message aliases the payload.
type record struct {
	cause
	checks  int32  // recordChecked
	at      int64  // store time, Unix ms
	message []byte // encoded message, nil without one
}

// recordHead appends what comes before the message of a record.
func recordHead(dst []byte, why cause) []byte {
	dst = append(dst, why.kind)
	if why.kind == recordMessage {
		return dst
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(why.source))
	if why.kind == recordDelivered {
		dst = binary.BigEndian.AppendUint32(dst, uint32(why.level))
	}
	return dst
}

func recordRollback(dst []byte, source, at int64) []byte {
	return binary.BigEndian.AppendUint64(recordHead(dst, cause{kind: recordRolledBack, source: source}), uint64(at))
}

func recordCheck(dst []byte, source, at int64, checks int32) []byte {
	dst = binary.BigEndian.AppendUint64(recordHead(dst, cause{kind: recordChecked, source: source}), uint64(at))
	return binary.BigEndian.AppendUint32(dst, uint32(checks))
}

func parseRecord(p []byte) (record, error) {
	if len(p) == 0 {
		return record{}, fmt.Errorf("%w: empty", errRecord)
	}
	r := record{cause: cause{kind: p[0]}}
	p = p[1:]
	if r.kind != recordMessage {
		if len(p) < 8 {
			return record{}, fmt.Errorf("%w: kind %d of %d bytes", errRecord, r.kind, len(p))
		}
		r.source = int64(binary.BigEndian.Uint64(p))
		p = p[8:]
	}
	if r.kind == recordDelivered {
		if len(p) < 4 {
			return record{}, fmt.Errorf("%w: kind %d of %d bytes", errRecord, r.kind, len(p))
		}
		r.level = int32(binary.BigEndian.Uint32(p))
		p = p[4:]
	}
	switch {
	case r.kind >= recordMessage && r.kind <= recordFinished && len(p) >= messageMin:
		r.message = p
		r.at = int64(binary.BigEndian.Uint64(p[storeTimestampAt:]))
	case r.kind == recordRolledBack && len(p) == 8:
		r.at = int64(binary.BigEndian.Uint64(p))
	case r.kind == recordChecked && len(p) == 12:
		r.at = int64(binary.BigEndian.Uint64(p))
		r.checks = int32(binary.BigEndian.Uint32(p[8:]))
	default:
		return record{}, fmt.Errorf("%w: kind %d of %d bytes", errRecord, r.kind, len(p))
	}
	return r, nil
}
