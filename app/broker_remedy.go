package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"boxoffice/broker"
)

// brokerRemedy puts what to do before the error with which the embedded broker has not started: another address, another
// directory, room, or a backup. The settings are named as the command has them.
func brokerRemedy(err error, listen, data, dir, cut string) error {
	switch {
	case errors.As(err, new(*broker.DamageError)):
		return fmt.Errorf("set %s for one start to give up what is damaged: %w", cut, err)
	case broker.IsLocked(err):
		return fmt.Errorf("an office runs in %s already, or another broker: set %s to another directory for a second one: %w", dir, data, err)
	case errors.As(err, new(*net.OpError)):
		return fmt.Errorf("set %s to a free address: %w", listen, err)
	case broker.IsFull(err):
		return fmt.Errorf("make room on the disk of %s, or let the process open more files: %w", dir, err)
	case errors.As(err, new(*broker.SideFileError)):
		return err // it says what to do itself
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist),
		errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("set %s to a directory that can be written: %w", data, err)
	case errors.As(err, new(*fs.PathError)), errors.As(err, new(syscall.Errno)):
		return fmt.Errorf("look at the disk of %s, which fails: %w", dir, err)
	}
	return fmt.Errorf("start the version of boxoffice that has written to %s, or bring that directory back from a backup: %w", dir, err)
}
