package predict

import (
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/server/row/rowtest"
)

// reader is a body that can be read again and again.
type reader struct {
	strings.Reader
	text string
}

func (r *reader) Close() error { return nil }

type blank struct{ header http.Header }

func (b *blank) Header() http.Header         { return b.header }
func (b *blank) WriteHeader(int)             {}
func (b *blank) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkPredict30 is one row of 30 numbers through gate, parser and answer, without network and model.
func BenchmarkPredict30(b *testing.B) {
	w := newWorld(b)
	inputs := make([]lathe.Input, 30)
	values := make([]string, 30)
	for i := range inputs {
		inputs[i] = lathe.Input{Name: "x" + strconv.Itoa(i), Missing: "impute"}
		values[i] = strconv.FormatFloat(math.Sin(float64(i+1)), 'f', 4, 64)
	}
	w.Models["wide"] = rowtest.NewModel(inputs)
	w.Default = "wide"
	body := &reader{text: "[[" + strings.Join(values, ",") + "]]"}
	r := httptest.NewRequest("POST", "/predict", body)
	r.Host, r.ContentLength = "127.0.0.1:7411", int64(len(body.text))
	r.Header.Set("Authorization", "Bearer "+w.Owner)
	r.Header.Set("Content-Type", "application/json")
	out := &blank{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(body.text)
		r.Body = body
		clear(out.header)
		w.Gate.ServeHTTP(out, r)
	}
	if w.Models["wide"].Last == nil {
		b.Fatal("nothing was predicted")
	}
}
