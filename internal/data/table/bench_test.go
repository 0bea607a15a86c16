package table

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"lathe"
)

// floats makes 30 columns of normal numbers and a label: with 100,000 rows the 58 MB of the training peers' table.
func floats(rows int) *lathe.Batch {
	r := rand.New(rand.NewPCG(1, 1))
	b := &lathe.Batch{Rows: rows}
	for k := range 31 {
		c := lathe.NewColumn("f"+string(rune('A'+k)), lathe.Float64, rows)
		for i := range c.Floats {
			c.Floats[i] = 2 * r.NormFloat64()
		}
		b.Columns = append(b.Columns, c)
	}
	b.Columns[30] = lathe.NewColumn("label", lathe.Int64, rows)
	for i := range rows {
		b.Columns[30].Ints[i] = int64(r.IntN(2))
	}
	return b
}

func floatsCSV(b *testing.B) []byte {
	b.Helper()
	var buf bytes.Buffer
	if err := WriteCSV(&buf, floats(100_000)); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

func BenchmarkReadCSV(b *testing.B) {
	data := floatsCSV(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ReadCSV(bytes.NewReader(data), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScanFloat(b *testing.B) {
	data := append(floatsCSV(b), make([]byte, padding)...)
	data = data[bytes.IndexByte(data, '\n')+1:]
	table := powerTable()
	at := 0
	for b.Loop() {
		_, next, ok := scanFloat(table, data, at)
		if !ok {
			b.Fatalf("at %d", at)
		}
		at = next + 1
		if at > len(data)-100 {
			at = 0
		}
	}
}

func BenchmarkProfile(b *testing.B) {
	t := floats(100_000)
	schema := Infer(t)
	for b.Loop() {
		NewProfile(t, schema)
	}
}

func BenchmarkDigest(b *testing.B) {
	t := floats(100_000)
	for b.Loop() {
		DigestOf(t)
	}
}

func BenchmarkWriteCSV(b *testing.B) {
	t := floats(100_000)
	for b.Loop() {
		var n counter
		if err := WriteCSV(&n, t); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(n))
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
