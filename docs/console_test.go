package docs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// home and address are what the documents show; a test runs in a home and on an address of its own.
const (
	shownHome    = "/home/ada"
	shownAddress = "127.0.0.1:7411"
)

// patience ends a command that hangs. No test passes or fails by less.
const patience = 2 * time.Minute

// terminal is what a reader of one document sits at: a shell in a new home, and perhaps a service.
type terminal struct {
	t       *testing.T
	home    string
	binary  string
	shell   *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	service *service
	address string // of the service, for good once it was known
}

// openTerminal starts a shell whose HOME is new, with the project's samples in the current folder.
func openTerminal(t *testing.T, binary string) *terminal {
	t.Helper()
	home, err := os.MkdirTemp("", "ld") // short: a socket's path holds 103 bytes
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(home, "lathe")
	for _, err := range []error{
		os.CopyFS(filepath.Join(work, "samples"), os.DirFS("../samples")),
		os.Mkdir(filepath.Join(work, "bin"), 0o755),
		os.Symlink(binary, filepath.Join(work, "bin", "lathe")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	term := &terminal{t: t, home: home, binary: binary, address: shownAddress}
	term.start(work)
	t.Cleanup(term.close)
	return term
}

func (term *terminal) start(work string) {
	term.t.Helper()
	term.shell = exec.Command("bash", "--norc", "--noprofile")
	term.shell.Dir = work
	term.shell.Env = append(term.environment(), "PATH="+filepath.Join(work, "bin")+":"+os.Getenv("PATH"), "PYTHON="+python(term.t))
	in, err := term.shell.StdinPipe()
	if err != nil {
		term.t.Fatal(err)
	}
	out, err := term.shell.StdoutPipe()
	if err != nil {
		term.t.Fatal(err)
	}
	term.in, term.out = in, bufio.NewReader(out)
	if err := term.shell.Start(); err != nil {
		term.t.Fatalf("the examples need bash: %v", err)
	}
	term.write("exec 2>&1\n")
}

// python is the interpreter that has the clients which the examples use.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("LATHE_PYTHON")
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(cache, "lathe", "clients", "bin", "python")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no Python with the clients at %s: make python", path)
	}
	return path
}

// environment is the test's own, without what would lead to another home or service.
func (term *terminal) environment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if (name == "LATHE_CPU" || !strings.HasPrefix(name, "LATHE_")) && name != "HOME" && name != "PATH" && !strings.HasSuffix(strings.ToLower(name), "_proxy") {
			env = append(env, v)
		}
	}
	return append(env, "HOME="+term.home, "TZ=UTC", "LC_ALL=C.UTF-8")
}

func (term *terminal) write(text string) {
	term.t.Helper()
	if _, err := io.WriteString(term.in, text); err != nil {
		term.t.Fatalf("the shell is gone: %v", err)
	}
}

// run runs one command and gives what it printed. A service goes to the background until ^C.
func (term *terminal) run(command string) string {
	term.t.Helper()
	if strings.HasPrefix(command, "lathe up") {
		return term.up(command)
	}
	const mark = "--- end of the command ---"
	watchdog := time.AfterFunc(patience, func() { _ = term.shell.Process.Kill() }) // seen as the end of its output
	defer watchdog.Stop()
	term.write("{ " + term.local(command) + "\n} </dev/null\nstatus=$?; echo '" + mark + "'; (exit $status)\n")
	var text strings.Builder
	for {
		line, err := term.out.ReadString('\n')
		before, found := strings.CutSuffix(line, mark+"\n")
		text.WriteString(before)
		if found {
			return term.shown(text.String())
		}
		if err != nil {
			term.t.Fatalf("$ %s\n%s\nthe shell ended: %v", command, text.String(), err)
		}
	}
}

// progress matches what a terminal shows as a bar, which leaves nothing behind.
var progress = regexp.MustCompile(`(?m)^(reading|training) .*\d+ % .*\n`)

// local puts the real address in a command's shown one's place; shown does the reverse with its output.
func (term *terminal) local(command string) string {
	return strings.ReplaceAll(command, shownAddress, term.address)
}

func (term *terminal) shown(output string) string {
	output = progress.ReplaceAllString(output, "")
	output = strings.ReplaceAll(output, term.home, shownHome)
	return strings.ReplaceAll(output, term.address, shownAddress)
}

func (term *terminal) close() {
	if term.service != nil {
		term.interrupt()
	}
	if err := errors.Join(term.in.Close(), term.shell.Wait()); err != nil && !isExit(err) {
		term.t.Error(err)
	}
	if err := os.RemoveAll(term.home); err != nil {
		term.t.Error(err)
	}
}

// isExit tells a shell whose last command failed.
func isExit(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit)
}

// service is a `lathe up` that runs beside the shell.
type service struct {
	cmd  *exec.Cmd
	log  *bytes.Buffer
	done chan struct{} // closed when all that it prints was read
}

var served = regexp.MustCompile(`^lathe serves on http://(\S+)$`)

// up starts a service on a free port, or on the one that an earlier service of the document had, and gives what it
// prints until it is ready.
func (term *terminal) up(command string) string {
	term.t.Helper()
	if term.service != nil {
		term.t.Fatalf("$ %s\na service runs already; show its end as ^C", command)
	}
	address := term.address
	if address == shownAddress {
		address = "127.0.0.1:0"
	}
	arguments := append(strings.Fields(command)[1:], "--addr", address)
	s := &service{cmd: exec.Command(term.binary, arguments...), log: &bytes.Buffer{}, done: make(chan struct{})}
	s.cmd.Dir, s.cmd.Env = term.shell.Dir, term.environment()
	out, err := s.cmd.StderrPipe()
	if err != nil {
		term.t.Fatal(err)
	}
	s.cmd.Stdout = s.cmd.Stderr
	if err := s.cmd.Start(); err != nil {
		term.t.Fatal(err)
	}
	term.service = s
	head := term.head(bufio.NewReader(out), s)
	return term.shown(head)
}

// head reads up to the line that names the key, which comes once the service is ready; the rest is kept aside.
func (term *terminal) head(r *bufio.Reader, s *service) string {
	term.t.Helper()
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil {
			term.t.Fatalf("lathe up: %v\n%s", err, head.String())
		}
		if m := served.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			term.address = m[1]
		}
		if strings.Contains(line, "owner.key") {
			break
		}
	}
	go func() {
		defer close(s.done)
		_, _ = io.Copy(s.log, r) // ends with the process
	}()
	return head.String()
}

// interrupt is Ctrl-C: the service must end by itself, with success.
func (term *terminal) interrupt() {
	term.t.Helper()
	s := term.service
	if s == nil {
		term.t.Fatal("^C without a service")
	}
	term.service = nil
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		term.t.Error(err)
	}
	<-s.done
	if err := s.cmd.Wait(); err != nil {
		term.t.Errorf("lathe up after ^C: %v\n%s", err, s.log)
	}
}

// varying is what differs from run to run, with what stands for it. Sizes and digests of what is stored are the same in
// every run and change with the code; only where they stand is the document's business.
var varying = []struct {
	pattern *regexp.Regexp
	stand   string
}{
	{regexp.MustCompile(`lathe_(owner|service|caller)_[0-9A-Za-z]{36}`), "lathe_${1}_KEY"},
	{regexp.MustCompile(`\b0[0-9a-hjkmnp-tv-z]{25}\b`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "DIGEST"},
	{regexp.MustCompile(`\b[0-9a-f]{12}-[0-9a-z]+\b`), "REQUEST"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (B|KiB|MiB|GiB)\b`), "SIZE"},
	{regexp.MustCompile(`\b\d+(\.\d+)? µs`), "SPAN"},
	{regexp.MustCompile(`\b\d+\.\d+ s\b`), "SPAN"},
	{regexp.MustCompile(`\b\d+\.\d\d +SIZE`), "SPAN SIZE"}, // the leaderboard's seconds
	{regexp.MustCompile(`\b\d+ bytes\b`), "SIZE"},
	{regexp.MustCompile(`process \d+`), "process N"},
	{regexp.MustCompile(`(Retry-After: |Content-Length: )\d+`), "${1}N"},
	{regexp.MustCompile(`[ \t]+`), " "}, // columns move with what is in them
}

// plain makes two outputs comparable.
func plain(text string) []string {
	text = strings.ReplaceAll(text, "\r", "")
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.stand)
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// matches compares a document's output with the real one. In the document a line ... stands for any lines, and ... within
// a line for any text; empty lines do not count.
func matches(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "..." {
		for skip := 0; skip <= len(got); skip++ {
			if matches(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && lineMatches(want[0], got[0]) && matches(want[1:], got[1:])
}

func lineMatches(want, got string) bool {
	parts := strings.Split(want, "...")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(got)
}
