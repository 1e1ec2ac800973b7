package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// errGone says that no process with the id lives; a zombie does not.
var errGone = errors.New("process is gone")

// birthOf returns what is unique to the life of the process with this id.
func birthOf(pid int) (string, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err == nil {
		return birthInStat(string(stat))
	}
	if _, procErr := os.Stat("/proc/self/stat"); procErr == nil {
		return "", errGone
	}
	out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	state, start, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || !ok || strings.HasPrefix(state, "Z") {
		return "", errGone
	}
	return strings.TrimSpace(start), nil
}

// birthInStat takes the start time out of /proc/PID/stat, field 22 of proc(5).
// The command in field 2 may hold spaces and brackets, so it counts from its end.
// A killed process whose first thread is a zombie still holds its ports and
// files while other threads are on their way out.
func birthInStat(stat string) (string, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const state, threads, startTime = 0, 20 - 3, 22 - 3
	if len(fields) <= startTime {
		return "", fmt.Errorf("read process start time: %d fields", len(fields))
	}
	ended := fields[state] == "Z" || fields[state] == "X"
	if ended && (fields[threads] == "0" || fields[threads] == "1") {
		return "", errGone
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[startTime], nil
}
