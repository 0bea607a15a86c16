// Package tfserving serves TensorFlow Serving's REST protocol, which is KServe's v1 too: POST /v1/models/{m}:predict with
// rows as instances, or with columns as inputs. A model of the protocol is an endpoint of ours.
//
// One dispatcher owns /v1/models/{rest...}, because a name and its verb share a segment of the path.
package tfserving

import (
	"net/http"
	"strconv"
	"strings"

	"lathe"
	"lathe/internal/guard"
	"lathe/internal/server/row"
)

type server struct{ asker row.Asker }

// Register adds the routes to the gate.
func Register(gate *guard.Gate, serve lathe.ServeService, limiter lathe.Limiter) {
	s := &server{row.Asker{Serve: serve, Limiter: limiter}}
	ask := guard.Need{Verb: lathe.VerbPredict, Body: guard.RowsBody, Fail: fail}
	look := guard.Need{Verb: lathe.VerbPredict, Also: lathe.VerbRead, Fail: fail}
	gate.Handle("POST /v1/models/{rest...}", ask, handler(s.predict))
	gate.Handle("GET /v1/models/{rest...}", look, handler(s.status))
}

func handler(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			guard.Fail(w, r, err)
		}
	})
}

// fail writes a problem as the protocol does.
func fail(w http.ResponseWriter, p *guard.Problem) {
	row.WriteError(w, p, `{"error":`, `}`)
}

// call is what a path asks for: {model}[/versions/{version}][:verb or /metadata].
type call struct{ model, version, verb string }

func parse(rest string) (c call, ok bool) {
	rest, c.verb, _ = strings.Cut(rest, ":")
	if before, found := strings.CutSuffix(rest, "/metadata"); found && c.verb == "" {
		rest, c.verb = before, "metadata"
	}
	name, version, versioned := strings.Cut(rest, "/versions/")
	if versioned && version == "" || strings.Contains(name, "/") || strings.Contains(version, "/") {
		return c, false
	}
	c.model, c.version = name, version
	return c, name != ""
}

func unknownPath() error {
	return lathe.Errorf(lathe.CodeNotFound, "tfserving: there is no such path").WithHint("POST /v1/models/{model}:predict")
}

func (s *server) predict(w http.ResponseWriter, r *http.Request) error {
	c, ok := parse(r.PathValue("rest"))
	if !ok {
		return unknownPath()
	}
	if c.verb != "predict" {
		return lathe.Errorf(lathe.CodeNotFound, "tfserving: the verb %s is not served", strconv.QuoteToASCII(c.verb[:min(len(c.verb), 40)])).WithHint("POST /v1/models/{model}:predict")
	}
	if _, err := guard.CheckContentType(r, "application/json", "text/plain"); err != nil {
		return err
	}
	target, err := s.asker.Resolve(r, c.model, c.version)
	if err != nil {
		return err
	}
	defer target.Release()
	in, columnar, err := read(r, target.Info.Inputs)
	if err != nil {
		return err
	}
	out, err := s.asker.Predict(r.Context(), &target, in)
	if err != nil {
		return err
	}
	name := `{"predictions":`
	if columnar {
		name = `{"outputs":`
	}
	row.Respond(w, func(dst []byte) []byte {
		dst = append(dst, name...)
		dst = row.AppendRows(dst, row.Outputs(target.Info, out), out.Rows)
		return append(dst, '}', '\n')
	})
	return nil
}

// read takes instances, a list of rows, or inputs, an object of columns or a list of rows.
func read(r *http.Request, inputs []lathe.Input) (in *lathe.Batch, columnar bool, err error) {
	data, done, err := row.ReadBody(r)
	if err != nil {
		return nil, false, err
	}
	defer done()
	s := row.NewScanner(data)
	err = s.Members("the body", func(name string) (err error) {
		switch name {
		case "signature_name":
			return checkSignature(s)
		case "instances", "inputs":
			if in != nil {
				return lathe.Errorf(lathe.CodeInvalid, "tfserving: instances and inputs exclude each other").WithField(name)
			}
			columnar = name == "inputs"
			if columnar && s.Peek() == '{' {
				in, err = row.Columns(s, inputs)
			} else {
				in, err = row.Rows(s, inputs)
			}
			return err
		}
		return lathe.Errorf(lathe.CodeInvalid, "tfserving: %s is not a field here", strconv.Quote(name[:min(len(name), 80)])).WithField(name[:min(len(name), 80)]).
			WithHint(`send {"instances": [...]}`)
	})
	if err == nil {
		err = s.End()
	}
	if err == nil && in == nil {
		err = lathe.Errorf(lathe.CodeInvalid, "tfserving: instances are missing").WithField("instances").WithHint(`send {"instances": [...]}`)
	}
	return in, columnar, err
}

// checkSignature accepts the name that every exported model has; another would mean another answer.
func checkSignature(s *row.Scanner) error {
	name, err := s.String("signature_name")
	if err == nil && name != "" && name != "serving_default" {
		err = lathe.Errorf(lathe.CodeInvalid, "tfserving: the signature %s is not served", strconv.Quote(name[:min(len(name), 80)])).
			WithField("signature_name").WithHint("leave it out, or send serving_default")
	}
	return err
}

// status tells that a model is there, in TensorFlow Serving's words and in KServe's; metadata adds its signature.
func (s *server) status(w http.ResponseWriter, r *http.Request) error {
	c, ok := parse(r.PathValue("rest"))
	if !ok || c.verb != "" && c.verb != "metadata" {
		return unknownPath()
	}
	target, err := s.asker.Look(r, c.model, c.version)
	if err != nil {
		return err
	}
	defer target.Release()
	row.Respond(w, func(dst []byte) []byte {
		if c.verb == "metadata" {
			return appendMetadata(dst, &target)
		}
		dst = append(dst, `{"name":`...)
		dst = row.AppendString(dst, target.Endpoint)
		dst = append(dst, `,"ready":true,"model_version_status":[{"version":"`...)
		dst = strconv.AppendInt(dst, int64(target.Version), 10)
		return append(dst, `","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}`...)
	})
	return nil
}

// appendMetadata writes the signature as TensorFlow Serving does: one input a column, one output.
func appendMetadata(dst []byte, target *lathe.Target) []byte {
	dst = append(dst, `{"model_spec":{"name":`...)
	dst = row.AppendString(dst, target.Endpoint)
	dst = append(dst, `,"signature_name":"","version":"`...)
	dst = strconv.AppendInt(dst, int64(target.Version), 10)
	dst = append(dst, `"},"metadata":{"signature_def":{"signature_def":{"serving_default":{"inputs":{`...)
	for i, in := range target.Info.Inputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = row.AppendString(dst, in.Name)
		dst = append(dst, `:{"dtype":"`+dtype(in.Kind)+`","tensor_shape":{"dim":[{"size":"-1","name":""}],"unknown_rank":false},"name":`...)
		dst = append(row.AppendString(dst, in.Name), '}')
	}
	width := len(target.Info.Classes)
	if width <= 2 {
		width = 1
	}
	dst = append(dst, `},"outputs":{"predictions":{"dtype":"DT_DOUBLE","tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"`...)
	dst = strconv.AppendInt(dst, int64(width), 10)
	return append(dst, `","name":""}],"unknown_rank":false},"name":"predictions"}},"method_name":"tensorflow/serving/predict"}}}}}`...)
}

func dtype(k lathe.Kind) string {
	switch k {
	case lathe.Float64:
		return "DT_DOUBLE"
	case lathe.Int64:
		return "DT_INT64"
	case lathe.Bool:
		return "DT_BOOL"
	default:
		return "DT_STRING"
	}
}
