package rest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lathe"
	"lathe/internal/guard"
)

// media is what a raw route takes and gives, for the document.
type media struct {
	takes, gives string
	query        []string // names of query parameters; any other is refused
}

// raw registers a handler that reads or writes something else than one JSON document.
func (s *server) raw(rt route, m media, handler func(w http.ResponseWriter, r *http.Request) error) {
	if rt.status == 0 {
		rt.status = http.StatusOK
	}
	s.gate.Handle(rt.method+" "+rt.path, rt.need, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := checkQuery(r, m.query)
		if err == nil {
			err = handler(w, r)
		}
		if err != nil {
			guard.Fail(w, r, err)
		}
	}))
	s.api.OpenAPI().AddOperation(rawOperation(rt, m))
}

func rawOperation(rt route, m media) *huma.Operation {
	op := &huma.Operation{
		OperationID: operationID(rt), Method: rt.method, Path: rt.path, Summary: rt.summary, Tags: []string{rt.tag},
		Responses: map[string]*huma.Response{
			strconv.Itoa(rt.status): {Description: http.StatusText(rt.status), Content: bytesContent(m.gives)},
			"default":               {Description: "Error", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorDocument"}}}},
		},
	}
	if rt.need.Open {
		op.Security = []map[string][]string{}
	}
	if m.takes != "" {
		op.RequestBody = &huma.RequestBody{Required: true, Content: bytesContent(m.takes)}
	}
	for _, part := range strings.Split(rt.path, "/") {
		if strings.HasPrefix(part, "{") {
			op.Parameters = append(op.Parameters, &huma.Param{Name: strings.Trim(part, "{}"), In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	for _, name := range m.query {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Schema: &huma.Schema{Type: huma.TypeString}})
	}
	return op
}

func bytesContent(types string) map[string]*huma.MediaType {
	content := map[string]*huma.MediaType{}
	for _, t := range strings.Fields(types) {
		schema := &huma.Schema{Type: huma.TypeString}
		if t == "application/json" {
			schema = &huma.Schema{}
		}
		content[t] = &huma.MediaType{Schema: schema}
	}
	return content
}

// checkQuery refuses parameters that the route does not know: what would change the answer is never dropped in silence.
func checkQuery(r *http.Request, names []string) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return lathe.Errorf(lathe.CodeInvalid, "rest: the query cannot be read")
	}
	for name, values := range query {
		if !contains(names, name) {
			return lathe.Errorf(lathe.CodeInvalid, "rest: query: %s is not a parameter here", strconv.Quote(cut(name))).WithField(cut(name))
		}
		if len(values) > 1 {
			return lathe.Errorf(lathe.CodeInvalid, "rest: query: %s appears twice", name).WithField(name)
		}
	}
	return nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func cut(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}

// intQuery reads a whole number from min to max; absent means preset.
func intQuery(r *http.Request, name string, preset, from, to int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return preset, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < from || n > to {
		return 0, lathe.Errorf(lathe.CodeInvalid, "rest: query: %s is %s, and it is a whole number from %d to %d", name, strconv.Quote(cut(text)), from, to).WithField(name)
	}
	return n, nil
}

// boolQuery reads true, false, 1 or 0; absent means false.
func boolQuery(r *http.Request, name string) (bool, error) {
	switch text := r.URL.Query().Get(name); text {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	default:
		return false, lathe.Errorf(lathe.CodeInvalid, "rest: query: %s is %s, and it is true or false", name, strconv.Quote(cut(text))).WithField(name)
	}
}

// project gives the project that a request acts in.
func project(r *http.Request) lathe.Project { return guard.From(r.Context()).Project }
