package eval

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

const (
	defaultResamples  = 1000
	fewestResamples   = 200
	defaultConfidence = 0.95
	// rowBudget bounds resamples x rows where the caller left the number to us: about a second on two cores.
	rowBudget = 50_000_000
)

func (o Options) resamples(rows int) int {
	switch {
	case o.Resamples < 0:
		return 0
	case o.Resamples > 0:
		return o.Resamples
	}
	return min(defaultResamples, max(fewestResamples, rowBudget/rows))
}

// bootstrap draws rows with replacement and scores each resample with every scorer: [resample][value], the scorers' values
// one after the other. Scorers see the same draws, which pairs them. Resample b has a generator of its own, so the result
// depends on the seed alone and not on the number of goroutines. Weights go with their rows.
func bootstrap(rows, resamples int, o Options, scorers ...scorer) [][]float64 {
	out := make([][]float64, resamples)
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wait sync.WaitGroup
	for w := range min(workers, resamples) {
		wait.Go(func() {
			counts := make([]uint32, rows)
			for b := w; b < resamples; b += workers {
				draw(counts, o.Seed, uint64(b))
				out[b] = scoreAll(counts, scorers)
			}
		})
	}
	wait.Wait()
	return out
}

func scoreAll(counts []uint32, scorers []scorer) []float64 {
	var out []float64
	for _, s := range scorers {
		values := make([]float64, len(s.names()))
		s.score(counts, values)
		out = append(out, values...)
	}
	return out
}

// draw counts len(counts) draws with replacement. Each 64 random bits make two draws by multiply and shift, whose bias is
// below rows/2^32: one in 200,000 for 20,000 rows, far under the bootstrap's own noise.
func draw(counts []uint32, seed, resample uint64) {
	clear(counts)
	generator := rand.NewPCG(seed, resample)
	n := uint64(len(counts))
	for i := 0; i < len(counts); i += 2 {
		bits := generator.Uint64()
		counts[bits>>32*n>>32]++
		if i+1 < len(counts) {
			counts[bits&math.MaxUint32*n>>32]++
		}
	}
}

// interval gives the percentiles that leave half of 1-confidence on each side, of the resamples where the metric is
// defined; ok is false where that is fewer than half, or where no resample gave a weight.
func (o Options) interval(values []float64) (ends [2]float64, ok bool) {
	defined := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if 2*len(defined) < len(values) || len(defined) == 0 {
		return ends, false
	}
	slices.Sort(defined)
	confidence := o.Confidence
	if confidence == 0 {
		confidence = defaultConfidence
	}
	tail := (1 - confidence) / 2
	return [2]float64{quantile(defined, tail), quantile(defined, 1-tail)}, true
}

// quantile interpolates between the values around q, as numpy does by default.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

func column(rows [][]float64, i int) []float64 {
	out := make([]float64, len(rows))
	for b, row := range rows {
		out[b] = row[i]
	}
	return out
}
