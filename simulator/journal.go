package simulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"boxoffice/common/durable"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

const journalMode = 0o600 // who has bought what is nobody else's business

// keptAttempt is an attempt as a journal has it.
type keptAttempt struct {
	Terms    webhook.StartBody     `json:"terms"`
	State    payment.AttemptState  `json:"state"`
	Payments []webhook.PaymentBody `json:"payments,omitempty"`
}

// keptRefund is a refund as a journal has it.
type keptRefund struct {
	Refund webhook.RefundBody  `json:"refund"`
	State  payment.RefundState `json:"state"`
	Detail string              `json:"detail,omitempty"`
	Calls  int                 `json:"calls"`
	Moved  int                 `json:"moved"`
}

// kept is one line of a journal: an attempt or a refund, as a whole.
type kept struct {
	Attempt *keptAttempt `json:"attempt,omitempty"`
	Refund  *keptRefund  `json:"refund,omitempty"`
}

func (k kept) id() string {
	if k.Attempt != nil {
		return "attempt " + k.Attempt.Terms.AttemptID
	}
	return "refund " + k.Refund.Refund.Key
}

// journal keeps what a provider knows in a file, so that one that is started again knows it too. Each change adds a line
// with the whole of what has changed, and the last line of each attempt and refund counts: nothing is ever written over, so
// a stop at any time costs at most the line that was being written. A nil journal keeps nothing.
type journal struct {
	file *os.File
	size int64 // of the lines that are whole
	log  *slog.Logger
}

// openJournal reads a file, which need not be there, and goes on in it. It returns the last line of each attempt and refund,
// in the order of their first ones.
func openJournal(path string, log *slog.Logger) (*journal, []kept, error) {
	lines, err := readJournal(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the payments of before; without %s they are forgotten: %w", path, err)
	}
	size, err := rewriteJournal(path, lines)
	if err != nil {
		return nil, nil, fmt.Errorf("keep payments: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, journalMode)
	if err != nil {
		return nil, nil, fmt.Errorf("keep payments: %w", err)
	}
	return &journal{file, size, log}, lines, nil
}

// readJournal reads the last line of each attempt and refund. What follows the last line's end was cut off as it was written.
func readJournal(path string) (lines []kept, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	places := map[string]int{}
	for reader, number := bufio.NewReader(file), 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		var k kept
		if err := json.Unmarshal(line, &k); err != nil {
			return nil, fmt.Errorf("line %d is none of a journal (%w)", number, err)
		}
		if (k.Attempt == nil) == (k.Refund == nil) {
			return nil, fmt.Errorf("line %d is neither an attempt nor a refund", number)
		}
		place, known := places[k.id()]
		if !known {
			places[k.id()] = len(lines)
			lines = append(lines, k)
			continue
		}
		lines[place] = k
	}
}

// rewriteJournal replaces the file by one that has these lines alone, and returns its size.
func rewriteJournal(path string, lines []kept) (size int64, err error) {
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, journalMode)
	if err != nil {
		return 0, err
	}
	whole := bufio.NewWriter(file)
	for _, k := range lines {
		line, err := json.Marshal(k)
		if err != nil {
			return 0, errors.Join(err, file.Close())
		}
		n, _ := whole.Write(append(line, '\n')) // its error comes again
		size += int64(n)
	}
	if err := errors.Join(whole.Flush(), file.Sync(), file.Close()); err != nil {
		return 0, err
	}
	return size, durable.Rename(path+".new", path)
}

// keep writes down how an attempt or a refund stands. What cannot be written is still known until the end of the process.
func (j *journal) keep(k kept) {
	if j == nil {
		return
	}
	line, err := json.Marshal(k)
	if err == nil {
		err = j.write(append(line, '\n'))
	}
	if err != nil {
		j.log.Error("a payment is not written down, and will be forgotten at the end", "about", k.id(), "error", err)
	}
}

// write adds a line, or leaves none of it: what came after a part of one could not be read.
func (j *journal) write(line []byte) error {
	_, err := j.file.Write(line)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return j.undo(err)
	}
	j.size += int64(len(line))
	return nil
}

// undo takes back what was written of a line before an error.
func (j *journal) undo(err error) error { return errors.Join(err, j.file.Truncate(j.size)) }

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}
