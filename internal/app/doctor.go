package app

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sort"
	"strings"

	"lathe"
	"lathe/internal/cpu"
	"lathe/internal/disk"
	"lathe/internal/guard"
	"lathe/internal/seal"
	"lathe/internal/server/rest"
	"lathe/internal/store"
)

// Check is one line of the doctor's report.
type Check = rest.Check

// Doctor looks at everything that can be wrong with a home: machine, sandbox, keys, database, blobs.
func (a *App) Doctor(ctx context.Context) []Check {
	return []Check{a.checkMachine(), a.checkSandbox(ctx), a.checkKeys(), a.checkDatabase(ctx), a.checkBlobs(ctx)}
}

func (a *App) checkMachine() Check {
	c := Check{Name: "machine", OK: true}
	level, err := cpu.Current()
	if err != nil {
		return Check{Name: "machine", Detail: err.Error(), Hint: "unset LATHE_CPU"}
	}
	c.Detail = fmt.Sprintf("%s/%s, %d cores, kernels %s, lathe %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), level, lathe.Version)
	return c
}

// checkSandbox says which protections of children do not hold here. Their lack is reported, not a failure of the home.
func (a *App) checkSandbox(ctx context.Context) Check {
	gaps, err := a.children.Probe(ctx)
	if err != nil {
		return Check{Name: "sandbox", Detail: err.Error(), Hint: "children cannot be started; see the service's log"}
	}
	if len(gaps) == 0 {
		return Check{Name: "sandbox", OK: true, Detail: "children have no network, no files, no programs, bounded memory"}
	}
	list := make([]string, len(gaps))
	for i, g := range gaps {
		list[i] = g.Name + " (" + g.Why + ")"
	}
	return Check{Name: "sandbox", OK: true, Detail: "not held on this machine: " + strings.Join(list, ", ")}
}

// checkKeys reads the keys folder again: what the service holds in memory, the next start needs from the disk.
func (a *App) checkKeys() Check {
	keys, err := a.home.unlock(seal.Options{Disk: unwritten{}})
	if err != nil {
		return failed("keys", err)
	}
	defer keys.Close()
	if _, err := openGraves(a.home.fs, keys.Derive("graves")); err != nil {
		return failed("keys", err)
	}
	owner, err := disk.ReadFile(a.home.fs, ownerFile, 1<<10)
	if err == nil && !guard.IsKey(strings.TrimSpace(string(owner))) {
		err = OwnerKeyDamaged(filepath.Join(a.home.dir, ownerFile))
	}
	if err != nil {
		return failed("keys", err)
	}
	return Check{Name: "keys", OK: true, Detail: "keyring, root key, graves and owner's key can be read"}
}

// unwritten is a disk on which nothing is changed, swept or finished.
type unwritten struct{ seal.OS }

// WriteFile implements seal.Disk.
func (unwritten) WriteFile(string, []byte) error { return nil }

// Remove implements seal.Disk.
func (unwritten) Remove(string) error { return nil }

// RemoveAll implements seal.Disk.
func (unwritten) RemoveAll(string) error { return nil }

// Sweep implements seal.Disk.
func (unwritten) Sweep(string) error { return nil }

func (a *App) checkDatabase(ctx context.Context) Check {
	if err := a.db.Verify(ctx); err != nil {
		return failed("database", err)
	}
	return Check{Name: "database", OK: true, Detail: "every page is as it was written"}
}

// checkBlobs reads every object to its end, and looks for those that rows name and that are not there. The rows are read
// first: an object is there before its row.
func (a *App) checkBlobs(ctx context.Context) Check {
	wanted, err := a.store.FindBlobReferences(ctx)
	if err != nil {
		return failed("blobs", err)
	}
	var objects, bytes int64
	var bad []string
	err = a.blobs.List(ctx, func(project lathe.Project, b lathe.Blob) error {
		objects++
		delete(wanted, store.BlobReference{Project: project, Name: b.Name})
		n, err := a.readThrough(ctx, project, b)
		bytes += n
		if lathe.CodeOf(err) == lathe.CodeCorrupt {
			bad = append(bad, b.Name.String()[:12])
			return nil
		}
		return err
	})
	for missing := range wanted {
		bad = append(bad, missing.Name.String()[:12]+" (missing)")
	}
	switch {
	case err != nil:
		return failed("blobs", err)
	case len(bad) > 0:
		sort.Strings(bad)
		return Check{
			Name: "blobs", Detail: fmt.Sprintf("%d of %d objects are damaged: %s", len(bad), objects+int64(len(wanted)), strings.Join(bad, ", ")),
			Hint: "restore the home from a backup: lathe restore FILE",
		}
	default:
		return Check{Name: "blobs", OK: true, Detail: fmt.Sprintf("%d objects, %d bytes, all as they were written", objects, bytes)}
	}
}

func (a *App) readThrough(ctx context.Context, project lathe.Project, b lathe.Blob) (int64, error) {
	r, err := a.blobs.Open(ctx, project, b.Name)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return n, err
}

func failed(name string, err error) Check {
	p := problem(err)
	return Check{Name: name, Detail: p.Message, Hint: p.Hint}
}
