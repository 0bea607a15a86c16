package app

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"lathe"
	"lathe/internal/cpu"
	"lathe/internal/server/rest"
)

// Check is one line of the doctor's report.
type Check = rest.Check

// Doctor looks at everything that can be wrong with a home: machine, sandbox, database, blobs, packages.
func (a *App) Doctor(ctx context.Context) []Check {
	return []Check{a.checkMachine(), a.checkSandbox(ctx), a.checkDatabase(ctx), a.checkBlobs(ctx)}
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

func (a *App) checkDatabase(ctx context.Context) Check {
	if err := a.db.Verify(ctx); err != nil {
		return failed("database", err)
	}
	return Check{Name: "database", OK: true, Detail: "every page is as it was written"}
}

// checkBlobs reads every object to its end.
func (a *App) checkBlobs(ctx context.Context) Check {
	var objects, bytes int64
	var bad []string
	err := a.blobs.List(ctx, func(project lathe.Project, b lathe.Blob) error {
		objects++
		n, err := a.readThrough(ctx, project, b)
		bytes += n
		if lathe.CodeOf(err) == lathe.CodeCorrupt {
			bad = append(bad, b.Name.String()[:12])
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return failed("blobs", err)
	case len(bad) > 0:
		return Check{
			Name: "blobs", Detail: fmt.Sprintf("%d of %d objects are damaged: %s", len(bad), objects, strings.Join(bad, ", ")),
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
