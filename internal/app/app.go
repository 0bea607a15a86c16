// Package app puts the product together: it opens a home, joins the services, and serves them.
//
// It is where the two columns meet: platform packages store and guard, engine packages learn and predict, and neither
// knows the other. Nothing here parses a caller's data: children do.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/blob"
	"lathe/internal/child"
	"lathe/internal/disk"
	"lathe/internal/guard"
	"lathe/internal/queue"
	"lathe/internal/store"
	"lathe/internal/store/sqlite"
)

// Options say how a service is started.
type Options struct {
	Home           string
	Addr           string   // "" listens on the home's socket alone
	InsecureListen bool     // allow an address that is not loopback
	Hosts          []string // further host names that requests may name
	Origins        []string // further origins that browsers may call from
	RootKey        string   // file of the root key, "" for the home's own
	AccessLog      bool     // log every request
	Quiet          bool     // log into the home, not to standard error
	Log            *slog.Logger
	Clock          lathe.Clock
	AcceptLoss     bool // open a database whose last commits are lost
	restoring      bool // open a home without a database: a restore brings it

	faults *disk.Injector // fails operations on files, in tests
}

func (o *Options) fill() {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(o.logFile(), nil))
	}
}

// App is a running service.
type App struct {
	options    Options
	home       *home
	db         *sqlite.DB
	store      *store.Store
	blobs      *blob.Store
	folder     *disk.Dir // of the blobs
	queue      *queue.Queue
	worker     *worker
	work       *workshop
	children   *child.Supervisor
	serving    *serving
	graves     *graves
	limiter    *guard.Limiter
	gate       *guard.Gate
	server     *http.Server
	listeners  []net.Listener
	open       atomic.Int64 // connections of clients
	idle       chan struct{}
	serve      sync.WaitGroup
	stop       context.CancelFunc // ends what goes on in the background
	background sync.WaitGroup
	closing    sync.Once
	closed     error
}

// Start opens the home and serves until Close. ErrInUse is in the error's chain when another process has the home.
func Start(ctx context.Context, o Options) (*App, error) {
	o.fill()
	if err := checkAddr(o); err != nil {
		return nil, err
	}
	a := &App{options: o, idle: make(chan struct{}, 1)}
	if err := a.start(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) start(ctx context.Context) (err error) {
	if a.home, err = openHome(a.options); err != nil {
		return err
	}
	if err = a.openData(ctx); err != nil {
		return err
	}
	if err = a.assemble(ctx); err != nil {
		return err
	}
	if err = a.listen(ctx); err != nil {
		return err
	}
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.background.Go(func() { a.care(ctx) })
	return a.db.Convert(a.queue.Start(ctx, a.worker.Work))
}

// openData opens database and blobs and brings the schema up to date.
func (a *App) openData(ctx context.Context) (err error) {
	if a.graves, err = openGraves(a.home.fs, a.home.keys.Derive("graves")); err != nil {
		return err
	}
	path := filepath.Join(a.home.dir, dataDir, database)
	a.db, err = sqlite.Open(ctx, sqlite.Options{
		Path: path, Key: a.home.keys.Derive("database"), AcceptLoss: a.options.AcceptLoss, Faults: a.options.faults,
	})
	if err != nil {
		return err
	}
	if err := a.home.settle(); err != nil {
		return err
	}
	if a.db.Lost != "" {
		a.options.Log.Warn("commits were lost, as accepted", "what", a.db.Lost)
	}
	if err := store.Migrate(ctx, a.database(), a.options.Clock); err != nil {
		return err
	}
	if err := queue.Migrate(ctx, a.db.Write); err != nil {
		return a.db.Convert(err)
	}
	if a.folder, err = disk.OpenDir(filepath.Join(a.home.dir, dataDir, blobsDir)); err != nil {
		return err
	}
	a.blobs, err = blob.Open(faulty(a.folder, a.options.faults), a.home.keys)
	return err
}

func (a *App) database() store.Database {
	return store.Database{Write: a.db.Write, Read: a.db.Read, Convert: a.db.Convert}
}

// assemble joins the services. What the last process left running is queued again: the home's lock proves that it is
// gone.
func (a *App) assemble(ctx context.Context) error {
	a.children = child.NewSupervisor(child.Options{Log: a.options.Log, Limits: limits()})
	watchers := newHub()
	holder := fmt.Sprintf("%d@%d", os.Getpid(), a.options.Clock().UnixNano())
	w := &worker{holder: holder, hub: watchers, retry: time.Second, log: a.options.Log}
	a.worker = w
	var err error
	if a.queue, err = queue.New(a.db.Write, queue.Options{Log: a.options.Log}); err != nil {
		return err
	}
	a.store = store.New(a.database(), store.Options{
		Clock: a.options.Clock, Keys: sealer{a.home.keys}, Queue: a.queue, Notify: watchers.notify,
	})
	named := objects{a.blobs}
	work := &workshop{children: a.children, blobs: named, data: a.store, log: a.options.Log}
	a.work = work
	w.runs, w.data, w.blobs, w.work = a.store, a.store, named, work
	if _, err := a.store.RequeueLost(ctx, holder); err != nil {
		return err
	}
	if _, err := a.store.ForgetUnfinishedReplies(ctx); err != nil {
		return err
	}
	data := &holding{DatasetStore: a.store, work: work, graves: a.graves}
	if err := a.bury(ctx, data); err != nil {
		return err
	}
	loader := newLoader(named, native.Runtimes())
	a.serving = newServing(a.store, a.store, loader)
	s := services{
		data:   data,
		runs:   &running{RunStore: a.store, data: a.store, models: a.store, hub: watchers},
		models: &modelling{ModelStore: a.store, blobs: named, data: a.store, loader: loader, serving: a.serving, work: work},
		serve:  a.serving,
	}
	return a.route(ctx, s)
}

// bury ends again what was ended before and a restore brought back.
func (a *App) bury(ctx context.Context, data *holding) error {
	if err := a.graves.buryKeys(ctx, a.store); err != nil {
		return err
	}
	return data.buryRows(ctx)
}

// limits bounds the children by kind: none may take more than three quarters of the machine, so that the service stays.
func limits() map[string]child.Limits {
	memory := physicalMemory() / 4 * 3
	if memory == 0 {
		memory = 8 << 30
	}
	low := child.Limits{Memory: memory, Nice: 10}
	asked := child.Limits{Memory: memory, Nice: 5} // somebody waits for it
	return map[string]child.Limits{
		native.KindIngest: low, native.KindShape: low, native.KindTrain: low, native.KindPredict: asked, native.KindEvaluate: asked,
	}
}

// listen opens the home's socket, and the address where there is one.
func (a *App) listen(ctx context.Context) error {
	var lc net.ListenConfig
	socket := Socket(a.home.dir)
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) { // of a process that was killed
		return fmt.Errorf("app: listen: %w", err)
	}
	l, err := lc.Listen(ctx, "unix", socket)
	if err == nil {
		err = os.Chmod(socket, 0o600)
	}
	if err != nil {
		return fmt.Errorf("app: listen: %w", err)
	}
	a.listeners = append(a.listeners, l)
	if a.options.Addr != "" {
		l, err := lc.Listen(ctx, "tcp", a.options.Addr)
		if err != nil {
			return lathe.Errorf(lathe.CodeConflict, "app: cannot listen on %s: %w", a.options.Addr, err).
				WithField("addr").WithHint("another program may have the port; choose another one with --addr")
		}
		a.listeners = append(a.listeners, l)
	}
	a.server = a.gate.Server()
	a.server.ConnState = a.count
	for _, l := range a.listeners {
		a.serve.Go(func() {
			if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				a.options.Log.Error("serving ended", "address", l.Addr().String(), "error", err)
			}
		})
	}
	return nil
}

// count follows the connections of clients, so that Linger knows when the last one has left.
func (a *App) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		a.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		if a.open.Add(-1) == 0 {
			select {
			case a.idle <- struct{}{}:
			default:
			}
		}
	}
}

// Addr is the TCP address that is served, "" for none.
func (a *App) Addr() string {
	for _, l := range a.listeners {
		if l.Addr().Network() == "tcp" {
			return l.Addr().String()
		}
	}
	return ""
}

// Linger serves until the last client has left, then closes: the end of a command that started a service for itself.
func (a *App) Linger(ctx context.Context) error {
	for a.open.Load() > 0 && ctx.Err() == nil {
		select {
		case <-a.idle:
		case <-ctx.Done():
		}
	}
	return a.Close()
}

// Close stops in the order in which nothing is lost: no new requests, runs give back their leases, what is open closes.
// It may be called twice.
func (a *App) Close() error {
	a.closing.Do(func() { a.closed = a.close() })
	return a.closed
}

func (a *App) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	if a.server != nil {
		errs = append(errs, a.server.Shutdown(ctx))
		a.serve.Wait()
	}
	if a.stop != nil {
		a.stop()
		a.background.Wait()
	}
	if a.queue != nil {
		// Runs are not waited for: they give back their leases, and the next start goes on from their checkpoints.
		now, cut := context.WithCancel(ctx)
		cut()
		errs = append(errs, a.queue.Stop(now))
	}
	if a.children != nil {
		a.children.Stop()
	}
	if a.serving != nil {
		a.serving.close()
	}
	if a.limiter != nil {
		errs = append(errs, a.limiter.Close(ctx))
	}
	if a.folder != nil {
		errs = append(errs, a.folder.Close())
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.home != nil {
		errs = append(errs, a.home.Close())
	}
	return errors.Join(errs...)
}

// checkAddr keeps the service on loopback unless its operator insists.
func checkAddr(o Options) error {
	if o.Addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return lathe.Errorf(lathe.CodeInvalid, "app: address %q: %w", o.Addr, err).WithField("addr").WithHint("give it as 127.0.0.1:7411")
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() || o.InsecureListen {
		return nil
	}
	return lathe.Errorf(lathe.CodeInvalid, "app: address %q is not loopback, and keys would travel in clear", o.Addr).
		WithField("addr").WithHint("listen on 127.0.0.1 behind a proxy with TLS, or insist with --insecure-listen")
}
