package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"boxoffice/scripts/load/traffic"
)

const (
	fsyncs     = 100
	fsyncBytes = 4096
)

// measureFsync tells what one small write with fsync costs on the disk of the run. Without it no ratio of durable systems
// says anything.
func measureFsync(dir string, into *traffic.Latency) (err error) {
	file, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return fmt.Errorf("measure fsync: %w", err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	block := make([]byte, fsyncBytes)
	for range fsyncs {
		begin := time.Now()
		if _, err := file.Write(block); err != nil {
			return fmt.Errorf("measure fsync: %w", err)
		}
		if err := file.Sync(); err != nil {
			return fmt.Errorf("measure fsync: %w", err)
		}
		into.Record(time.Since(begin))
	}
	return nil
}

// processTime is the processor time that processes have used so far. It is 0 where the system does not tell: it is read
// from Linux's /proc/PID/stat, in ticks of a hundredth of a second. After the name in parentheses, utime is the 12th
// field and stime the 13th.
func processTime(pids ...int) (sum time.Duration) {
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return 0
		}
		_, after, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(after)
		if len(fields) < 13 {
			return 0
		}
		for _, field := range fields[11:13] {
			ticks, err := strconv.Atoi(field)
			if err != nil {
				return 0
			}
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum
}

// cpu is the processors' time since the machine started, and what of it the host gave to other machines.
type cpu struct{ total, stolen float64 }

// readCPU returns zeros where the system does not tell: it reads Linux's /proc/stat, in ticks, whose fields are user,
// nice, system, idle, iowait, irq, softirq and steal.
func readCPU() cpu {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpu{}
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var c cpu
	for i, field := range strings.Fields(line) {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil || i > 8 {
			continue
		}
		c.total += ticks
		if i == 8 {
			c.stolen = ticks
		}
	}
	return c
}

// steal is the share of the processors' time that the host gave to other machines since an earlier reading.
func (c cpu) steal(since cpu) float64 {
	if c.total <= since.total {
		return 0
	}
	return (c.stolen - since.stolen) / (c.total - since.total)
}
