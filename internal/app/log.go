package app

import (
	"io"
	"os"
	"path/filepath"
	"sync"
)

// logFile is standard error for a service, and HOME/run/commands.log for one that a command starts for itself: there its
// lines would stand between the command's own.
func (o *Options) logFile() io.Writer {
	if !o.Quiet {
		return os.Stderr
	}
	return &lazyFile{path: filepath.Join(o.Home, runDir, "commands.log")}
}

// lazyFile is opened by its first line, when its folder is there. What cannot be written there is lost: a command does
// not fail for its log.
type lazyFile struct {
	path string
	once sync.Once
	file *os.File
}

const maxLog = 10 << 20 // bytes; a larger file starts anew

// Write implements io.Writer.
func (l *lazyFile) Write(p []byte) (int, error) {
	l.once.Do(l.open)
	if l.file == nil {
		return len(p), nil
	}
	return l.file.Write(p)
}

func (l *lazyFile) open() {
	mode := os.O_CREATE | os.O_APPEND | os.O_WRONLY
	if info, err := os.Stat(l.path); err == nil && info.Size() > maxLog {
		mode |= os.O_TRUNC
	}
	if f, err := os.OpenFile(l.path, mode, 0o600); err == nil {
		l.file = f
	}
}
