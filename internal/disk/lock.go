package disk

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"lathe"
)

// Lock is a held lock on a file. The system drops it when the process ends, however that happens.
type Lock struct{ file *os.File }

// TakeLock takes the lock at path without waiting and writes this process's id into the file. Where another process
// holds it, the error is CodeConflict and names that process. A lock held in this process counts as held, too.
func TakeLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, Wrap("lock", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, held(path, Holder(path))
		}
		return nil, Wrap("lock", path, err)
	}
	if err := writePID(f); err != nil {
		return nil, Wrap("lock", path, errors.Join(err, f.Close()))
	}
	return &Lock{f}, nil
}

// Holder gives the process id that the lock file at path names, 0 where it names none. It says who holds the lock only
// while somebody does.
func Holder(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid < 1 {
		return 0
	}
	return pid
}

// Close lets the lock go. The file stays: removing it would let two processes lock two files of one name.
func (l *Lock) Close() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func held(path string, pid int) error {
	who := "another process"
	if pid > 0 {
		who = fmt.Sprintf("process %d", pid)
	}
	return lathe.Errorf(lathe.CodeConflict, "disk: lock %s: held by %s", path, who).WithHint("use that service, or stop it first")
}
