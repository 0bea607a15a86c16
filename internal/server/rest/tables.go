package rest

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"lathe"
	"lathe/internal/guard"
)

// ExtraHeader names the columns of an upload that a prediction ignored: as a header where the answer was held back until
// it was known, otherwise as a trailer.
const ExtraHeader = "X-Lathe-Extra-Columns"

// holdBack is how much of an answer waits in memory while the client may still be sending. Some clients read nothing
// before they have sent all; both sides would wait for ever.
const holdBack = 64 << 20

// stored names a version of a dataset.
type stored struct {
	Dataset string `json:"dataset"`
	Version int    `json:"version,omitempty"`
}

func (s *server) registerTables() {
	need := guard.Need{Verb: lathe.VerbPredict, Name: "model", Body: uploadBody, Stream: true}
	const version = "/api/v1/models/{model}/versions/{ref}"
	s.raw(route{method: "POST", path: version + "/predictions", summary: "Predict a table", need: need, tag: "models"},
		media{takes: "text/csv", gives: "text/csv"}, s.predictTable)
	s.raw(route{method: "POST", path: version + "/evaluations", summary: "Measure a version on rows with the target, sent or stored", need: need, tag: "models"},
		media{takes: "text/csv application/json", gives: "application/json"}, s.evaluate)
}

// predictTable streams CSV to CSV. Rows count against the key's limits as they come.
func (s *server) predictTable(w http.ResponseWriter, r *http.Request) error {
	if err := checkTable(r, "text/csv", "application/octet-stream"); err != nil {
		return err
	}
	out := newTableStream(w)
	in := newMeter(r.Context(), s.Limiter, guard.From(r.Context()), r.Body, out)
	defer func() { in.settle(out.rows()) }()
	extra, err := s.Models.PredictTable(r.Context(), project(r), r.PathValue("model"), r.PathValue("ref"), in, out)
	return out.end(r, extra, err)
}

func checkTable(r *http.Request, types ...string) error {
	if _, err := guard.CheckContentType(r, types...); err != nil {
		return err
	}
	if err := guard.CheckEncoding(r); err != nil {
		return err
	}
	return checkRef(r.PathValue("ref"))
}

// evaluate takes CSV, or the name of a stored dataset, which the key must be allowed to see.
func (s *server) evaluate(w http.ResponseWriter, r *http.Request) error {
	if err := checkTable(r, "text/csv", "application/octet-stream", "application/json"); err != nil {
		return err
	}
	measure := s.evaluateTable
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		measure = s.evaluateStored
	}
	result, err := measure(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, result)
}

func (s *server) evaluateTable(r *http.Request) (lathe.EvalResult, error) {
	in := newMeter(r.Context(), s.Limiter, guard.From(r.Context()), r.Body, nil)
	result, err := s.Models.Evaluate(r.Context(), project(r), r.PathValue("model"), r.PathValue("ref"), in)
	in.settle(int64(result.Rows))
	return result, err
}

// jsonBody caps the JSON form of a route whose other form is a long stream.
const jsonBody = 64 << 10

func (s *server) evaluateStored(r *http.Request) (lathe.EvalResult, error) {
	which, err := readStored(r)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	if err := guard.Require(r.Context(), lathe.VerbRead, which.Dataset); err != nil {
		return lathe.EvalResult{}, err
	}
	version, err := s.Data.FindDatasetVersion(r.Context(), project(r), which.Dataset, which.Version)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	rows := lathe.Amount{Unit: lathe.UnitRows, N: version.Rows}
	reservation, err := s.Limiter.Reserve(r.Context(), guard.From(r.Context()), rows)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	result, err := s.Models.EvaluateDataset(r.Context(), project(r), r.PathValue("model"), r.PathValue("ref"), which.Dataset, version.Number)
	reservation.Settle(lathe.Amount{Unit: lathe.UnitRows, N: int64(result.Rows)})
	return result, err
}

func readStored(r *http.Request) (which stored, err error) {
	data, err := io.ReadAll(io.LimitReader(r.Body, jsonBody+1))
	if err != nil {
		return which, err
	}
	if len(data) > jsonBody {
		return which, lathe.Errorf(lathe.CodeTooLarge, "rest: the body is larger than %d bytes", jsonBody)
	}
	if err := guard.DecodeJSON(data, &which); err != nil {
		return which, err
	}
	return which, lathe.CheckName("dataset", which.Dataset)
}

// tableStream is a CSV answer: held back while the request is still coming, then streamed.
type tableStream struct {
	out   *stream
	held  bytes.Buffer
	free  bool // nothing is held back any more
	lines int64
}

func newTableStream(w http.ResponseWriter) *tableStream {
	return &tableStream{out: newStream(w, "text/csv; charset=utf-8")}
}

// Write implements io.Writer.
func (t *tableStream) Write(b []byte) (int, error) {
	t.lines += int64(bytes.Count(b, []byte{'\n'}))
	if t.free {
		return t.out.Write(b)
	}
	t.held.Write(b)
	if t.held.Len() > holdBack {
		return len(b), t.release()
	}
	return len(b), nil
}

// release starts the answer; what is only known at the end becomes a trailer.
func (t *tableStream) release() error {
	t.free = true
	t.out.w.Header().Set("Trailer", ExtraHeader)
	_ = http.NewResponseController(t.out.w).EnableFullDuplex() // HTTP/2 has it always and says it has not
	_, err := t.out.Write(t.held.Bytes())
	t.held = bytes.Buffer{}
	return err
}

// sent is told that the request's body is through: nothing needs to be held back.
func (t *tableStream) sent() error {
	if t.free || t.held.Len() == 0 {
		return nil
	}
	return t.release()
}

// rows is how many rows were answered.
func (t *tableStream) rows() int64 { return max(0, t.lines-1) }

func (t *tableStream) end(r *http.Request, extra []string, err error) error {
	if err == nil {
		if len(extra) > 0 {
			t.out.w.Header().Set(ExtraHeader, joinNames(extra))
		}
		if !t.free && t.held.Len() > 0 {
			_, err = t.out.Write(t.held.Bytes())
		}
	}
	return t.out.end(r, err)
}

// joinNames writes names into a header; a comma or a control character in one is written as a space.
func joinNames(names []string) string {
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = strings.Map(func(c rune) rune {
			if c < ' ' || c == ',' || c == 0x7f {
				return ' '
			}
			return c
		}, name)
	}
	return strings.Join(clean, ",")
}
