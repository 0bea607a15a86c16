package child

import "syscall"

// self is this very binary, even when the file was replaced by an upgrade in the meantime.
func self() string { return "/proc/self/exe" }

// attributes puts the child into a process group of its own, out of reach of the terminal's Ctrl-C, and has the kernel
// kill it when the parent dies in whatever way.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
