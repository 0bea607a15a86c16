package table

// Limits bound what a reader accepts before it allocates; a zero field means its default.
type Limits struct {
	LineBytes int   // one line, quoted line breaks included; 16 MiB
	Columns   int   // 10,000
	Memory    int64 // bytes of the text and of the cells made from it; 8 GiB
}

// The defaults of Limits. A line of 16 MiB holds 10,000 cells of 1,600 bytes.
const (
	DefaultLineBytes = 16 << 20
	DefaultColumns   = 10_000
	DefaultMemory    = 8 << 30
)

func (l Limits) orDefault() Limits {
	if l.LineBytes <= 0 {
		l.LineBytes = DefaultLineBytes
	}
	if l.Columns <= 0 {
		l.Columns = DefaultColumns
	}
	if l.Memory <= 0 {
		l.Memory = DefaultMemory
	}
	return l
}
