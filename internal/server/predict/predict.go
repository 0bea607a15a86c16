// Package predict serves the product's own prediction protocol: POST /predict asks the project's default endpoint, POST
// /predict/{endpoint} a named one. Rows go in as a JSON array, and what model.predict gives comes back: [[p], ...].
package predict

import (
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
	gate.Handle("POST /predict", guard.Need{Verb: lathe.VerbPredict, Body: guard.RowsBody}, http.HandlerFunc(s.serve))
	gate.Handle("POST /predict/{endpoint}", guard.Need{Verb: lathe.VerbPredict, Name: "endpoint", Body: guard.RowsBody}, http.HandlerFunc(s.serve))
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	if err := s.predict(w, r); err != nil {
		guard.Fail(w, r, err)
	}
}

// predict reads, asks and answers.
func (s *server) predict(w http.ResponseWriter, r *http.Request) error {
	detail, err := wantsDetail(r)
	if err != nil {
		return err
	}
	if _, err := guard.CheckContentType(r, "application/json"); err != nil {
		return err
	}
	target, err := s.asker.Resolve(r, r.PathValue("endpoint"), "")
	if err != nil {
		return err
	}
	defer target.Release()
	in, err := read(r, target.Info.Inputs)
	if err != nil {
		return err
	}
	out, err := s.asker.Predict(r.Context(), &target, in)
	if err != nil {
		return err
	}
	row.Respond(w, func(dst []byte) []byte {
		if detail {
			dst = appendDetail(dst, &target, out)
		} else {
			dst = row.AppendRows(dst, row.Outputs(target.Info, out), out.Rows)
		}
		return append(dst, '\n')
	})
	return nil
}

func read(r *http.Request, inputs []lathe.Input) (*lathe.Batch, error) {
	data, done, err := row.ReadBody(r)
	if err != nil {
		return nil, err
	}
	defer done()
	scanner := row.NewScanner(data)
	in, err := row.Rows(scanner, inputs)
	if err != nil {
		return nil, err
	}
	return in, scanner.End()
}

// wantsDetail reads ?detail=1; any other parameter is refused with its name.
func wantsDetail(r *http.Request) (bool, error) {
	if r.URL.RawQuery == "" {
		return false, nil
	}
	query := r.URL.Query()
	for name := range query {
		if name != "detail" {
			return false, lathe.Errorf(lathe.CodeInvalid, "predict: query: %s is not a parameter here", strconv.QuoteToASCII(name[:min(len(name), 80)])).
				WithField(name[:min(len(name), 80)]).WithHint("the parameter is detail")
		}
	}
	switch query.Get("detail") {
	case "1", "true":
		return true, nil
	case "", "0", "false":
		return false, nil
	}
	return false, lathe.Errorf(lathe.CodeInvalid, "predict: query: detail is neither 0 nor 1").WithField("detail")
}

// appendDetail names the version that answered, and for each row the label with the probability of each class.
func appendDetail(dst []byte, target *lathe.Target, out *lathe.Batch) []byte {
	dst = append(dst, `{"model":`...)
	dst = row.AppendString(dst, target.Model)
	dst = append(dst, `,"version":`...)
	dst = strconv.AppendInt(dst, int64(target.Version), 10)
	dst = append(dst, `,"predictions":[`...)
	for i := range out.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"prediction":`...)
		dst = row.AppendValue(dst, &out.Columns[0], i)
		dst = appendProbabilities(dst, target.Info.Classes, out.Columns[1:], i)
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

func appendProbabilities(dst []byte, classes []string, columns []lathe.Column, i int) []byte {
	if len(classes) == 0 || len(columns) < len(classes) {
		return dst
	}
	dst = append(dst, `,"probabilities":{`...)
	for c, class := range classes {
		if c > 0 {
			dst = append(dst, ',')
		}
		dst = row.AppendString(dst, class)
		dst = append(dst, ':')
		dst = row.AppendValue(dst, &columns[c], i)
	}
	return append(dst, '}')
}
