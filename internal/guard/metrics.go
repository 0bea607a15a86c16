package guard

import (
	"bufio"
	"io"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync/atomic"
	"time"
)

// counted are the statuses that are counted one by one; any other is "other". A fixed table keeps the hot path free of
// locks and maps.
var counted = [...]int{200, 201, 202, 204, 301, 304, 307, 308, 400, 401, 403, 404, 405, 409, 413, 415, 429, 499, 500, 501, 503, 507}

var countedIndex = func() (index [600]uint8) {
	for i := range index {
		index[i] = uint8(len(counted))
	}
	for i, status := range counted {
		index[status] = uint8(i)
	}
	return index
}()

// bounds of the latency histogram, from what a prediction takes to what an upload takes.
var bounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond,
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 10 * time.Second, time.Minute,
}

// routeMetrics counts one route.
type routeMetrics struct {
	codes   [len(counted) + 1]atomic.Uint64
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Int64 // ns
}

func (m *routeMetrics) observe(status int, took time.Duration) {
	index := uint8(len(counted))
	if status > 0 && status < len(countedIndex) {
		index = countedIndex[status]
	}
	m.codes[index].Add(1)
	bucket := 0
	for bucket < len(bounds) && took > bounds[bucket] {
		bucket++
	}
	m.buckets[bucket].Add(1)
	m.sum.Add(int64(took))
}

// WriteMetrics writes all counters in the Prometheus text format, version 0.0.4.
func (g *Gate) WriteMetrics(w io.Writer) error {
	out := bufio.NewWriter(w)
	routes := append([]*route{g.unknown}, g.routes...)
	out.WriteString("# HELP lathe_requests_total Requests by route and status.\n# TYPE lathe_requests_total counter\n")
	for _, rt := range routes {
		rt.writeCodes(out)
	}
	out.WriteString("# HELP lathe_request_seconds How long requests took, by route.\n# TYPE lathe_request_seconds histogram\n")
	for _, rt := range routes {
		rt.writeHistogram(out)
	}
	writeGauge(out, "lathe_streams_open", "Streams that are open.", float64(g.streams.len()))
	writeProcess(out)
	return out.Flush()
}

func (rt *route) labels() string {
	return `method="` + rt.Method + `",route="` + rt.Path + `"`
}

func (rt *route) writeCodes(out *bufio.Writer) {
	for i := range rt.metrics.codes {
		n := rt.metrics.codes[i].Load()
		if n == 0 {
			continue
		}
		code := "other"
		if i < len(counted) {
			code = strconv.Itoa(counted[i])
		}
		out.WriteString("lathe_requests_total{" + rt.labels() + `,code="` + code + `"} ` + strconv.FormatUint(n, 10) + "\n")
	}
}

func (rt *route) writeHistogram(out *bufio.Writer) {
	var total uint64
	for i := range rt.metrics.buckets {
		total += rt.metrics.buckets[i].Load()
	}
	if total == 0 {
		return
	}
	var below uint64
	for i, bound := range bounds {
		below += rt.metrics.buckets[i].Load()
		out.WriteString("lathe_request_seconds_bucket{" + rt.labels() + `,le="` + number(bound.Seconds()) + `"} ` + strconv.FormatUint(below, 10) + "\n")
	}
	count := strconv.FormatUint(total, 10)
	out.WriteString("lathe_request_seconds_bucket{" + rt.labels() + `,le="+Inf"} ` + count + "\n")
	out.WriteString("lathe_request_seconds_sum{" + rt.labels() + "} " + number(time.Duration(rt.metrics.sum.Load()).Seconds()) + "\n")
	out.WriteString("lathe_request_seconds_count{" + rt.labels() + "} " + count + "\n")
}

// writeProcess tells what the Go runtime knows without stopping it.
func writeProcess(out *bufio.Writer) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}}
	metrics.Read(samples)
	writeGauge(out, "go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine()))
	writeGauge(out, "lathe_heap_bytes", "Bytes of live and unswept objects.", float64(samples[0].Value.Uint64()))
	writeGauge(out, "lathe_memory_bytes", "Bytes that the Go runtime holds.", float64(samples[1].Value.Uint64()))
}

func writeGauge(out *bufio.Writer, name, help string, v float64) {
	out.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " gauge\n" + name + " " + number(v) + "\n")
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func (s *streams) len() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cuts := range s.byKey {
		n += len(cuts)
	}
	return n
}
