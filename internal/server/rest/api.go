package rest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"lathe"
	"lathe/internal/guard"
)

// init puts the product's problem in the place of huma's, as huma documents it: huma itself only refuses parameters.
func init() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return newRefusal(context.Background(), status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return newRefusal(ctx.Context(), status, msg, errs)
	}
}

// refusal is a problem in the form that huma writes.
type refusal struct{ guard.Problem }

// GetStatus implements huma.StatusError.
func (r *refusal) GetStatus() int { return r.Status }

// Error implements error.
func (r *refusal) Error() string { return r.Detail }

// ContentType implements huma.ContentTypeFilter.
func (r *refusal) ContentType(string) string { return "application/problem+json" }

// newRefusal names the first parameter that is wrong.
func newRefusal(ctx context.Context, status int, msg string, errs []error) *refusal {
	err := lathe.Errorf(lathe.CodeInvalid, "rest: %s", msg)
	if status >= http.StatusInternalServerError {
		err.Code = lathe.CodeInternal
	}
	for _, e := range errs {
		if detailer, ok := e.(huma.ErrorDetailer); ok {
			detail := detailer.ErrorDetail()
			_, field, _ := strings.Cut(detail.Location, ".")
			err = lathe.Errorf(lathe.CodeInvalid, "rest: %s: %s", detail.Location, detail.Message).WithField(field)
			break
		}
	}
	return &refusal{*guard.Explain(ctx, err)}
}

// adapter registers huma's operations through the gate, and nowhere else.
type adapter struct{ server *server }

// ServeHTTP implements huma.Adapter.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.server.gate.ServeHTTP(w, r) }

// Handle implements huma.Adapter. An operation without a need panics.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	need, ok := op.Metadata["need"].(guard.Need)
	if !ok {
		panic("rest: operation without a need: " + op.Method + " " + op.Path)
	}
	a.server.gate.Handle(op.Method+" "+op.Path, need, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler(humago.NewContext(op, r, w))
	}))
}

func newAPI(s *server) huma.API {
	format := huma.Format{
		Marshal:   func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
		Unmarshal: guard.DecodeJSON,
	}
	const schemas = "#/components/schemas/"
	return huma.NewAPI(huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "lathe", Version: lathe.Version, Description: "Models as a service, for data that stays yours."},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry(schemas, schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "lathe_<kind>_..., also read from x-api-key"}},
			},
			Security: []map[string][]string{{"key": {}}},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}, adapter{s})
}

// schemaName keeps the stored problem of a run apart from the one that answers are made of.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[refusal]() {
		return "ErrorDocument"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// route describes one operation, for the gate and for the document.
type route struct {
	method, path, summary string
	need                  guard.Need
	status                int    // of success; 0 means 200
	secret                bool   // the answer is shown once: it is not stored for a repeated request
	tag                   string // the noun
}

// none stands for no body.
type none struct{}

// answer is what huma hands back: the handler wrote it already, so that all errors go through the gate's one mapping.
type answer struct{ Body func(huma.Context) }

// add registers an operation whose bodies are JSON. P holds its parameters in huma's tags, B its body, O its answer.
func add[P, B, O any](s *server, rt route, call func(ctx context.Context, p *lathe.Principal, in *P, body *B) (O, error)) {
	if rt.status == 0 {
		rt.status = http.StatusOK
	}
	op := huma.Operation{
		OperationID: operationID(rt), Method: rt.method, Path: rt.path, Summary: rt.summary, Tags: []string{rt.tag},
		DefaultStatus: rt.status, Metadata: map[string]any{"need": rt.need}, Responses: map[string]*huma.Response{},
	}
	huma.Register(s.api, op, func(_ context.Context, in *P) (*answer, error) {
		return &answer{func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			s.idempotent(w, r, rt, reflect.TypeFor[B]() != reflect.TypeFor[none](), func(w http.ResponseWriter, data []byte) error {
				return respond(w, r, rt, in, data, call)
			})
		}}, nil
	})
	document[B, O](s, rt)
}

// respond decodes the body, calls and renders.
func respond[P, B, O any](w http.ResponseWriter, r *http.Request, rt route, in *P, data []byte, call func(context.Context, *lathe.Principal, *P, *B) (O, error)) error {
	var body B
	if _, empty := any(body).(none); !empty {
		if err := guard.DecodeJSON(data, &body); err != nil {
			return err
		}
	}
	out, err := call(r.Context(), guard.From(r.Context()), in, &body)
	if err != nil {
		return err
	}
	if _, empty := any(out).(none); empty {
		w.WriteHeader(rt.status)
		return nil
	}
	return writeJSON(w, rt.status, out)
}

// writeJSON renders before it writes, so that what cannot be rendered is still a clean problem.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(data, '\n'))
	return ignoreGone(err)
}

// ignoreGone drops the error of a client that went away after the answer began: nobody is left to tell.
func ignoreGone(error) error { return nil }

// document puts the schemas of bodies that huma did not read itself into the OpenAPI document.
func document[B, O any](s *server, rt route) {
	op := operationAt(s.api.OpenAPI(), rt)
	registry := s.api.OpenAPI().Components.Schemas
	if t := reflect.TypeFor[B](); t != reflect.TypeFor[none]() {
		op.RequestBody = &huma.RequestBody{Required: true, Content: jsonContent(registry.Schema(t, true, op.OperationID+"Body"))}
	}
	response := &huma.Response{Description: http.StatusText(rt.status)}
	if t := reflect.TypeFor[O](); t != reflect.TypeFor[none]() {
		response.Content = jsonContent(registry.Schema(t, true, op.OperationID+"Answer"))
	}
	op.Responses[strconv.Itoa(rt.status)] = response
}

func jsonContent(schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schema}}
}

func operationAt(doc *huma.OpenAPI, rt route) *huma.Operation {
	item := doc.Paths[rt.path]
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete,
	}[rt.method]
}

// operationID is the method and the path in words: get-api-v1-runs-id.
func operationID(rt route) string {
	words := strings.FieldsFunc(rt.path, func(r rune) bool { return r == '/' || r == '{' || r == '}' || r == '.' })
	return strings.ToLower(rt.method) + "-" + strings.Join(words, "-")
}
