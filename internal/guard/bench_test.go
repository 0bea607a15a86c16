package guard

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"lathe"
)

// blank is a response that costs nothing.
type blank struct{ header http.Header }

func (b *blank) Header() http.Header         { return b.header }
func (b *blank) WriteHeader(int)             {}
func (b *blank) Write(p []byte) (int, error) { return len(p), nil }

// benchmarkGate measures all that the gate does around a handler that does nothing.
func benchmarkGate(b *testing.B, limits ...lathe.Limit) {
	w := newWorld(b)
	w.gate.Handle("POST /predict/{endpoint}", Need{Verb: lathe.VerbPredict, Name: "endpoint"}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_, secret := w.key(b, "default", limits, lathe.Scope{Verb: lathe.VerbPredict})
	r := httptest.NewRequest("POST", "/predict/churn", nil)
	r.Host = "127.0.0.1:7411"
	r.Header.Set("Authorization", "Bearer "+secret)
	out := &blank{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(out.header)
		w.gate.ServeHTTP(out, r)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}

func BenchmarkGate(b *testing.B) { benchmarkGate(b) }

func BenchmarkGateLimited(b *testing.B) {
	benchmarkGate(b, limit(lathe.UnitRequests, 1<<50, lathe.WindowMinute), limit(lathe.UnitRequests, 1<<50, lathe.WindowDay))
}

func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		if _, _, err := w.keys.authenticate(b.Context(), w.owner); err != nil {
			b.Fatal(err)
		}
	}
}
