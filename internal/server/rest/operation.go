package rest

import (
	"context"
	"encoding/json"
	"net/http"

	"lathe"
	"lathe/internal/guard"
)

const backupType = "application/vnd.lathe.backup"

// doctorAnswer is what the doctor found.
type doctorAnswer struct {
	Checks []Check `json:"checks"`
}

// restoreAnswer says that the archive is whole and kept.
type restoreAnswer struct {
	Staged bool `json:"staged"`
}

func (s *server) registerOperation() {
	operate := guard.Need{Verb: lathe.VerbOperate}
	stream := guard.Need{Verb: lathe.VerbOperate, Stream: true}
	restore := guard.Need{Verb: lathe.VerbOperate, Stream: true, Body: 16 * uploadBody}
	add(s, route{method: "GET", path: "/api/v1/doctor", summary: "Check the service", need: operate, tag: "operation"}, s.doctor)
	s.raw(route{method: "POST", path: "/api/v1/backups", summary: "Take a backup away", need: stream, tag: "operation"}, media{gives: backupType}, s.backup)
	s.raw(route{method: "POST", path: "/api/v1/restores", summary: "Check a backup and keep it for the next start", need: restore, status: 202, tag: "operation"},
		media{takes: backupType + " application/octet-stream", gives: "application/json"}, s.restore)
	s.raw(route{method: "GET", path: "/metrics", summary: "Read the counters", need: operate, tag: "operation"}, media{gives: "text/plain"}, s.metrics)
}

func (s *server) doctor(ctx context.Context, p *lathe.Principal, _ *struct{}, _ *none) (doctorAnswer, error) {
	if err := ownerOnly(p); err != nil {
		return doctorAnswer{}, err
	}
	return doctorAnswer{append([]Check{}, s.Operations.Doctor(ctx)...)}, nil
}

// backup holds all projects, and so needs a key of all projects.
func (s *server) backup(w http.ResponseWriter, r *http.Request) error {
	if err := ownerOnly(guard.From(r.Context())); err != nil {
		return err
	}
	out := newStream(w, backupType)
	return out.end(r, s.Operations.Backup(r.Context(), out))
}

func (s *server) restore(w http.ResponseWriter, r *http.Request) error {
	if err := ownerOnly(guard.From(r.Context())); err != nil {
		return err
	}
	if _, err := guard.CheckContentType(r, backupType, "application/octet-stream"); err != nil {
		return err
	}
	if err := s.Operations.StageRestore(r.Context(), r.Body); err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, restoreAnswer{Staged: true})
}

// ownerOnly keeps what crosses projects to the key that may.
func ownerOnly(p *lathe.Principal) error {
	if p.Kind == lathe.KindOwner {
		return nil
	}
	return lathe.Errorf(lathe.CodeForbidden, "rest: this holds every project, and the key is of one").WithHint("use the owner's key")
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) error {
	out := newStream(w, "text/plain; version=0.0.4; charset=utf-8")
	err := s.gate.WriteMetrics(out)
	if err == nil && s.Metrics != nil {
		err = s.Metrics(out)
	}
	return out.end(r, err)
}

// registerHealth adds the routes that anyone may ask.
func (s *server) registerHealth() {
	open := guard.Need{Open: true}
	s.raw(route{method: "GET", path: "/healthz", summary: "Is the process alive?", need: open, tag: "health"}, media{gives: "text/plain"}, func(w http.ResponseWriter, r *http.Request) error {
		return plain(w, r, "ok\n")
	})
	s.raw(route{method: "GET", path: "/readyz", summary: "Does it serve?", need: open, tag: "health"}, media{gives: "text/plain"}, func(w http.ResponseWriter, r *http.Request) error {
		if err := s.Ready(r.Context()); err != nil {
			return &lathe.Error{Code: lathe.CodeUnavailable, Message: "rest: not ready", Cause: err}
		}
		return plain(w, r, "ok\n")
	})
}

func plain(w http.ResponseWriter, r *http.Request, text string) error {
	out := newStream(w, "text/plain; charset=utf-8")
	_, err := out.Write([]byte(text))
	return out.end(r, err)
}

// registerDocument comes last: the document is rendered once, with all routes in it.
func (s *server) registerDocument() {
	var document []byte
	s.raw(route{method: "GET", path: "/openapi.json", summary: "Read this document", need: guard.Need{Verb: lathe.VerbRead}, tag: "operation"},
		media{gives: "application/json"}, func(w http.ResponseWriter, r *http.Request) error {
			out := newStream(w, "application/openapi+json")
			_, err := out.Write(document)
			return out.end(r, err)
		})
	var err error
	if document, err = json.Marshal(s.api.OpenAPI()); err != nil {
		panic("rest: openapi: " + err.Error())
	}
}
