// Package oip serves the Open Inference Protocol v2, as KServe and Triton have it, with Triton's binary tensor extension
// in both directions. A model of the protocol is an endpoint of ours.
//
// A model has one named tensor a column, of shape [n] or [n, 1], and takes a single [n, columns] tensor where all its
// columns are numeric. The answer has one tensor a column of what lathe predict writes.
package oip

import (
	"net/http"
	"strconv"

	"lathe"
	"lathe/internal/guard"
	"lathe/internal/server/row"
)

// LengthHeader says how many bytes of a body are JSON; the binary tensors follow.
const LengthHeader = "Inference-Header-Content-Length"

type server struct{ asker row.Asker }

// Register adds the routes to the gate.
func Register(gate *guard.Gate, serve lathe.ServeService, limiter lathe.Limiter) {
	s := &server{row.Asker{Serve: serve, Limiter: limiter}}
	open := guard.Need{Open: true, Fail: fail}
	look := guard.Need{Verb: lathe.VerbPredict, Also: lathe.VerbRead, Fail: fail}
	ask := guard.Need{Verb: lathe.VerbPredict, Body: guard.RowsBody, Fail: fail}
	gate.Handle("GET /v2/health/live", open, handler(alive))
	gate.Handle("GET /v2/health/ready", open, handler(alive))
	gate.Handle("GET /v2", look, handler(about))
	gate.Handle("POST /v2/repository/index", look, handler(s.index))
	look.Name, ask.Name = "model", "model"
	for _, base := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		gate.Handle("GET "+base, look, handler(s.metadata))
		gate.Handle("GET "+base+"/ready", look, handler(s.ready))
		gate.Handle("POST "+base+"/infer", ask, handler(s.infer))
	}
}

func handler(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			guard.Fail(w, r, err)
		}
	})
}

// fail writes a problem as the protocol does.
func fail(w http.ResponseWriter, p *guard.Problem) { row.WriteError(w, p, `{"error":`, `}`) }

func alive(w http.ResponseWriter, _ *http.Request) error {
	row.Respond(w, func(dst []byte) []byte { return append(dst, `{"live":true,"ready":true}`...) })
	return nil
}

func about(w http.ResponseWriter, _ *http.Request) error {
	row.Respond(w, func(dst []byte) []byte {
		dst = append(dst, `{"name":"lathe","version":`...)
		dst = row.AppendString(dst, lathe.Version)
		return append(dst, `,"extensions":["binary_tensor_data","model_repository"]}`...)
	})
	return nil
}

// index lists the endpoints that the key may use.
func (s *server) index(w http.ResponseWriter, r *http.Request) error {
	p := guard.From(r.Context())
	var names []lathe.Endpoint
	for page := (lathe.Page{Limit: 1000}); ; {
		items, next, err := s.asker.Serve.FindEndpoints(r.Context(), p.Project, page)
		if err != nil {
			return err
		}
		for _, e := range items {
			if p.May(lathe.VerbPredict, e.Name) || p.May(lathe.VerbRead, e.Name) {
				names = append(names, e)
			}
		}
		if page.After = next; next == "" {
			break
		}
	}
	row.Respond(w, func(dst []byte) []byte { return appendIndex(dst, names) })
	return nil
}

func appendIndex(dst []byte, names []lathe.Endpoint) []byte {
	dst = append(dst, '[')
	for i, e := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = row.AppendString(dst, e.Name)
		if len(e.Routes) > 0 && e.Routes[0].Version > 0 {
			dst = append(dst, `,"version":"`...)
			dst = append(strconv.AppendInt(dst, int64(e.Routes[0].Version), 10), '"')
		}
		dst = append(dst, `,"state":"READY","reason":""}`...)
	}
	return append(dst, ']')
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) error {
	target, err := s.asker.Look(r, r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	defer target.Release()
	row.Respond(w, func(dst []byte) []byte {
		dst = append(dst, `{"name":`...)
		dst = row.AppendString(dst, target.Endpoint)
		return append(dst, `,"ready":true}`...)
	})
	return nil
}

// metadata gives the signature.
func (s *server) metadata(w http.ResponseWriter, r *http.Request) error {
	target, err := s.asker.Look(r, r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	defer target.Release()
	row.Respond(w, func(dst []byte) []byte {
		dst = append(dst, `{"name":`...)
		dst = row.AppendString(dst, target.Endpoint)
		dst = append(dst, `,"versions":["`...)
		dst = strconv.AppendInt(dst, int64(target.Version), 10)
		dst = append(dst, `"],"platform":`...)
		dst = row.AppendString(dst, "lathe_"+target.Info.Runtime)
		dst = append(dst, `,"inputs":[`...)
		for i, in := range target.Info.Inputs {
			dst = appendTensor(dst, i, in.Name, in.Kind)
		}
		dst = append(dst, `],"outputs":[`...)
		for i, out := range target.Info.Outputs {
			dst = appendTensor(dst, i, out.Name, out.Kind)
		}
		return append(dst, `]}`...)
	})
	return nil
}

func appendTensor(dst []byte, i int, name string, kind lathe.Kind) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, `{"name":`...)
	dst = row.AppendString(dst, name)
	return append(dst, `,"datatype":"`+datatypeOf(kind)+`","shape":[-1]}`...)
}
