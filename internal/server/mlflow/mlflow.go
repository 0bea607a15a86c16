// Package mlflow serves MLflow's scoring protocol: POST /invocations asks the project's default endpoint, POST
// /endpoints/{endpoint}/invocations a named one. Data frames, split or as records, instances, inputs and CSV go in; the
// columns that lathe predict writes come back as records.
package mlflow

import (
	"io"
	"net/http"
	"strconv"

	"lathe"
	"lathe/internal/guard"
	"lathe/internal/server/row"
)

type server struct{ asker row.Asker }

// Register adds the routes to the gate.
func Register(gate *guard.Gate, serve lathe.ServeService, limiter lathe.Limiter) {
	s := &server{row.Asker{Serve: serve, Limiter: limiter}}
	gate.Handle("POST /invocations", guard.Need{Verb: lathe.VerbPredict, Body: guard.RowsBody, Fail: fail}, http.HandlerFunc(s.serve))
	gate.Handle("POST /endpoints/{endpoint}/invocations",
		guard.Need{Verb: lathe.VerbPredict, Name: "endpoint", Body: guard.RowsBody, Fail: fail}, http.HandlerFunc(s.serve))
	gate.Handle("GET /ping", guard.Need{Open: true, Fail: fail}, text("\n"))
	gate.Handle("GET /health", guard.Need{Open: true, Fail: fail}, text("\n"))
	gate.Handle("GET /version", guard.Need{Verb: lathe.VerbPredict, Also: lathe.VerbRead, Fail: fail}, text(lathe.Version))
}

// text answers with a fixed text, as MLflow's own server does.
func text(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body) // the client went away: nobody is left to tell
	})
}

// errorCodes are MLflow's names for what went wrong.
var errorCodes = map[int]string{
	400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST", 409: "RESOURCE_CONFLICT",
	413: "BAD_REQUEST", 415: "BAD_REQUEST", 429: "REQUEST_LIMIT_EXCEEDED", 499: "CANCELLED", 503: "TEMPORARILY_UNAVAILABLE",
}

// fail writes a problem as the protocol does.
func fail(w http.ResponseWriter, p *guard.Problem) {
	code, ok := errorCodes[p.Status]
	if !ok {
		code = "INTERNAL_ERROR"
	}
	row.WriteError(w, p, `{"error_code":"`+code+`","message":`, `}`)
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	if err := s.invoke(w, r); err != nil {
		guard.Fail(w, r, err)
	}
}

func (s *server) invoke(w http.ResponseWriter, r *http.Request) error {
	media, err := guard.CheckContentType(r, "application/json", "text/csv")
	if err != nil {
		return err
	}
	target, err := s.asker.Resolve(r, r.PathValue("endpoint"), "")
	if err != nil {
		return err
	}
	defer target.Release()
	in, err := read(r, media, target.Info.Inputs)
	if err != nil {
		return err
	}
	out, err := s.asker.Predict(r.Context(), &target, in)
	if err != nil {
		return err
	}
	row.Respond(w, func(dst []byte) []byte {
		dst = append(dst, `{"predictions":`...)
		dst = row.AppendRecords(dst, out)
		return append(dst, '}')
	})
	return nil
}

func read(r *http.Request, media string, inputs []lathe.Input) (*lathe.Batch, error) {
	data, done, err := row.ReadBody(r)
	if err != nil {
		return nil, err
	}
	defer done()
	if media == "text/csv" {
		return row.CSV(data, inputs)
	}
	return parse(data, inputs)
}

// parse reads the JSON forms, of which exactly one must be there.
func parse(data []byte, inputs []lathe.Input) (in *lathe.Batch, err error) {
	s := row.NewScanner(data)
	form := ""
	err = s.Members("the body", func(name string) (err error) {
		if name == "params" {
			return checkParams(s)
		}
		if form != "" {
			return lathe.Errorf(lathe.CodeInvalid, "mlflow: %s and %s exclude each other", form, strconv.Quote(cut(name))).WithField(cut(name))
		}
		form = name
		switch name {
		case "dataframe_split":
			in, err = readSplit(s, inputs)
		case "dataframe_records", "instances":
			in, err = row.Rows(s, inputs)
		case "inputs":
			if s.Peek() == '{' {
				in, err = row.Columns(s, inputs)
			} else {
				in, err = row.Rows(s, inputs)
			}
		default:
			err = lathe.Errorf(lathe.CodeInvalid, "mlflow: %s is not a field here", strconv.Quote(cut(name))).WithField(cut(name)).WithHint("%s", forms)
		}
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err == nil && in == nil {
		err = lathe.Errorf(lathe.CodeInvalid, "mlflow: there is no data").WithHint("%s", forms)
	}
	return in, err
}

const forms = "send one of dataframe_split, dataframe_records, instances, inputs"

func cut(name string) string { return name[:min(len(name), 80)] }

// checkParams accepts none: they would change the answer, and no model here takes any.
func checkParams(s *row.Scanner) error {
	if s.Peek() == 'n' {
		return s.Skip()
	}
	return s.Members("params", func(name string) error {
		return lathe.Errorf(lathe.CodeInvalid, "mlflow: the model takes no parameter %s", strconv.Quote(cut(name))).WithField("params." + cut(name))
	})
}

// readSplit reads {"columns", "data", "index"}, in any order; the index says nothing to a model.
func readSplit(s *row.Scanner, inputs []lathe.Input) (*lathe.Batch, error) {
	var table row.Table
	named := false
	err := s.Members("dataframe_split", func(name string) (err error) {
		switch name {
		case "columns":
			named = true
			return s.List("columns", func(int) error {
				column, err := s.String("columns")
				table.Names = append(table.Names, column)
				return err
			})
		case "data":
			raw, err := s.Raw()
			table.Data = row.NewScanner(raw)
			return err
		case "index":
			return s.Skip()
		}
		return lathe.Errorf(lathe.CodeInvalid, "mlflow: %s is not a field of dataframe_split", strconv.Quote(cut(name))).WithField("dataframe_split." + cut(name))
	})
	if err != nil {
		return nil, err
	}
	if table.Data == nil || !named {
		return nil, lathe.Errorf(lathe.CodeInvalid, "mlflow: dataframe_split lacks columns or data").WithField("dataframe_split")
	}
	in, err := row.Split(table, inputs)
	if err != nil {
		return nil, err
	}
	return in, table.Data.End()
}
