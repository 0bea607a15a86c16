//go:build linux && (amd64 || arm64)

package child

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rule allows one system call, where (argument & mask) == value.
type rule struct {
	call  uintptr
	arg   int // index of the argument, of which the low 32 bits are looked at
	mask  uint32
	value uint32
}

// anywhere are the calls that the Go runtime needs once everything is open, and that reach nothing but memory, time,
// our own threads and descriptors that are open already. What is not here fails with EPERM: sockets, files, processes,
// signals to others, tracing, new descriptors, io_uring, and whatever the kernel learns in future.
var anywhere = []uintptr{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_FSTAT,
	unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_CTL,
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK, unix.SYS_MREMAP,
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_RESTART_SYSCALL,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETRANDOM,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// rules are the calls that are allowed with some arguments only.
func rules(pid uint32) []rule {
	return []rule{
		{unix.SYS_CLONE, 0, unix.CLONE_THREAD | unix.CLONE_VM, unix.CLONE_THREAD | unix.CLONE_VM}, // threads, not processes
		{unix.SYS_TGKILL, 0, ^uint32(0), pid},                                                     // preemption, and dying of a signal
		{unix.SYS_KILL, 0, ^uint32(0), pid},
		{unix.SYS_MMAP, 2, unix.PROT_EXEC, 0}, // no new code
		{unix.SYS_MPROTECT, 2, unix.PROT_EXEC, 0},
		{unix.SYS_PRCTL, 0, ^uint32(0), unix.PR_SET_VMA}, // the runtime names its mappings
	}
}

// Offsets in struct seccomp_data, linux/seccomp.h.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// x32 marks the calls of amd64's other interface, which has numbers of its own.
const x32 = 0x40000000

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

// skipUnless skips n instructions unless the accumulator equals k.
func skipUnless(k uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: n, K: k}
}

func load(offset uint32) unix.SockFilter {
	return statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset)
}

func verdict(action uint32) unix.SockFilter { return statement(unix.BPF_RET|unix.BPF_K, action) }

// program is the filter in classic BPF: for each allowed call a test and a return, no far jumps.
func program(pid uint32) []unix.SockFilter {
	p := []unix.SockFilter{
		load(offsetArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: auditArch},
		verdict(unix.SECCOMP_RET_KILL_PROCESS),
		load(offsetCall),
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, Jf: 1, K: x32},
		verdict(unix.SECCOMP_RET_KILL_PROCESS),
	}
	for _, call := range append(anywhere, anywhereHere...) {
		p = append(p, skipUnless(uint32(call), 1), verdict(unix.SECCOMP_RET_ALLOW))
	}
	// glibc makes threads with clone3, whose flags a filter cannot see, and falls back to clone where it does not exist.
	p = append(p, skipUnless(unix.SYS_CLONE3, 1), verdict(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)))
	for _, r := range rules(pid) {
		p = append(p, skipUnless(uint32(r.call), 5),
			load(offsetArgs+8*uint32(r.arg)),
			statement(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, r.mask),
			skipUnless(r.value, 1),
			verdict(unix.SECCOMP_RET_ALLOW),
			verdict(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)))
	}
	return append(p, verdict(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)))
}

// filterCalls applies the filter to every thread of the process, for good. It runs on a locked thread.
func filterCalls() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("child: lock: no new privileges: %w", err)
	}
	filter := program(uint32(unix.Getpid()))
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("child: lock: seccomp: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("child: lock: seccomp: thread %d could not be filtered", thread)
	}
	return nil
}
