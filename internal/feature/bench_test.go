package feature

import (
	"math/rand/v2"
	"testing"

	"lathe"
	"lathe/internal/data/table"
)

// floats makes the peers' table: 30 columns of numbers.
func floats(rows int) (*lathe.Batch, table.Schema) {
	r := rand.New(rand.NewPCG(1, 1))
	b := &lathe.Batch{Rows: rows}
	for k := range 30 {
		c := lathe.NewColumn("f"+string(rune('A'+k)), lathe.Float64, rows)
		for i := range c.Floats {
			c.Floats[i] = 3*r.NormFloat64() + 1
		}
		b.Columns = append(b.Columns, c)
	}
	return b, table.Infer(b)
}

func BenchmarkFit(b *testing.B) {
	t, schema := floats(80_000)
	for b.Loop() {
		if _, err := Fit(t, schema, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTransform(b *testing.B) {
	t, schema := floats(80_000)
	p, err := Fit(t, schema, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []struct {
		name string
		rows int
	}{{"1", 1}, {"80000", 80_000}} {
		b.Run(size.name, func(b *testing.B) {
			rows := t.Slice(0, size.rows)
			dst := make([]float32, size.rows*p.Width())
			for b.Loop() {
				if err := p.Transform(dst, rows); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
