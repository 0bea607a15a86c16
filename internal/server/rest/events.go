package rest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"lathe"
	"lathe/internal/guard"
)

// eventPage is how many events one JSON answer holds at most.
const eventPage = 1000

// eventList is a run's events after a seq; next goes into ?after= for those that follow.
type eventList struct {
	Items []lathe.Event `json:"items"`
	Next  int64         `json:"next"`
}

func (s *server) registerEvents() {
	s.raw(route{
		method: "GET", path: "/api/v1/runs/{id}/events", summary: "Watch a run: server-sent events, or JSON where it is asked for",
		need: guard.Need{Verb: lathe.VerbRead, Stream: true}, tag: "runs",
	},
		media{gives: "text/event-stream application/json", query: []string{"after"}}, s.watchRun)
}

// watchRun streams a run's events from the one after Last-Event-ID, until the run rests.
func (s *server) watchRun(w http.ResponseWriter, r *http.Request) error {
	after, err := intQuery(r, "after", 0, 0, 1<<62)
	if err != nil {
		return err
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		if after, err = strconv.ParseInt(id, 10, 64); err != nil || after < 0 {
			return lathe.Errorf(lathe.CodeInvalid, "rest: events: Last-Event-ID is %s, and it is a number from 0", strconv.Quote(cut(id))).WithField("Last-Event-ID")
		}
	}
	run, err := s.runFor(r.Context(), guard.From(r.Context()), lathe.VerbRead, r.PathValue("id"))
	if err != nil {
		return err
	}
	if wantsJSON(r) {
		return s.listEvents(w, r, after)
	}
	if run.State.Final() && run.Seq <= after {
		w.WriteHeader(http.StatusNoContent) // tells a browser's EventSource not to come back
		return nil
	}
	s.streamEvents(newEventWriter(w), r, after)
	return nil
}

func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/event-stream")
}

func (s *server) listEvents(w http.ResponseWriter, r *http.Request, after int64) error {
	events, err := s.Runs.FindEvents(r.Context(), project(r), r.PathValue("id"), after, eventPage)
	if err != nil {
		return err
	}
	out := eventList{Items: append([]lathe.Event{}, events...), Next: after}
	if n := len(events); n > 0 {
		out.Next = events[n-1].Seq
	}
	return writeJSON(w, http.StatusOK, out)
}

// streamEvents writes events as they come, and a comment now and then, so that proxies and clients know the stream is
// alive. What goes wrong after the start is an event of its own.
func (s *server) streamEvents(out *eventWriter, r *http.Request, after int64) {
	ticks, stop := s.Heartbeats()
	quit := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		defer stop()
		for {
			select {
			case <-quit:
				return
			case <-ticks:
				out.send(": ping\n\n")
			}
		}
	})
	err := s.Runs.WatchRun(r.Context(), project(r), r.PathValue("id"), after, out.event)
	close(quit)
	beating.Wait()
	if err != nil && r.Context().Err() == nil {
		out.problem(guard.Report(r.Context(), err))
	}
}

// eventWriter writes server-sent events; the heartbeat writes beside the run's own.
type eventWriter struct {
	mu sync.Mutex
	w  http.ResponseWriter
	rc *http.ResponseController
}

func newEventWriter(w http.ResponseWriter) *eventWriter {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	out := &eventWriter{w: w, rc: http.NewResponseController(w)}
	out.send("retry: 1000\n\n")
	return out
}

// send writes and flushes; its error ends the watch.
func (e *eventWriter) send(text string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := io.WriteString(e.w, text); err != nil {
		return err
	}
	return e.rc.Flush()
}

func (e *eventWriter) event(event lathe.Event) error {
	data, err := json.Marshal(event)
	if err != nil {
		return err
	}
	return e.send("id: " + strconv.FormatInt(event.Seq, 10) + "\nevent: " + oneLine(event.Kind) + "\ndata: " + string(data) + "\n\n")
}

func (e *eventWriter) problem(p *guard.Problem) {
	data, err := json.Marshal(p)
	if err == nil {
		err = e.send("event: error\ndata: " + string(data) + "\n\n")
	}
	_ = ignoreGone(err)
}

// oneLine keeps a kind from ending its line.
func oneLine(kind string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, kind)
}
