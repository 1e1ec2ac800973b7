//go:build unix

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the child a session of its own, so that an interrupt meant for
// this program does not reach it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func freezeSignal() os.Signal { return syscall.SIGSTOP }

func thawSignal() os.Signal { return syscall.SIGCONT }
