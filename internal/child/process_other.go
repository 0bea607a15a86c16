//go:build !linux

package child

import (
	"os"
	"syscall"
)

// self is the path of this binary, which starting reports when it is empty.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// attributes puts the child into a process group of its own, out of reach of the terminal's Ctrl-C. That the parent
// died it learns from the closed descriptor.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
