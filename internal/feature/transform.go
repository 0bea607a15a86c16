package feature

import (
	"fmt"

	"lathe"
)

// blockRows is how many rows are filled before the next ones: their features stay in the cache while each column
// writes its own.
const blockRows = 256

// Transform writes the features of b's rows to dst, row-major [b.Rows Width]. Columns are found by name in any order; one
// that is absent counts as missing in every row (see Absent), others are ignored (see Extra). It allocates nothing
// for up to 64 inputs. A value that the model cannot take is CodeInvalid and names the field. It panics when dst has
// another length.
func (p *Pipeline) Transform(dst []float32, b *lathe.Batch) error {
	if len(dst) != b.Rows*p.width {
		panic(fmt.Sprintf("feature: transform: dst has %d values for [%d %d]", len(dst), b.Rows, p.width))
	}
	var few [64]*lathe.Column
	columns := p.bind(few[:0], b)
	for from := 0; from < b.Rows; from += blockRows {
		to := min(from+blockRows, b.Rows)
		for i := range p.inputs {
			in := &p.inputs[i]
			if columns[i] == nil {
				if err := in.fillAbsent(dst[from*p.width+in.offset:], p.width, from, to); err != nil {
					return err
				}
				continue
			}
			if err := in.fill(dst[from*p.width+in.offset:], p.width, columns[i], from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill calls the part by its type: through the interface, values on the stack would move to the heap.
func (in *input) fill(dst []float32, stride int, c *lathe.Column, from, to int) error {
	switch {
	case in.Numeric != nil:
		return in.Numeric.fill(dst, stride, in, c, from, to)
	case in.Boolean != nil:
		return in.Boolean.fill(dst, stride, in, c, from, to)
	case in.Category != nil:
		return in.Category.fill(dst, stride, in, c, from, to)
	default:
		return in.Time.fill(dst, stride, in, c, from, to)
	}
}

// allMissing is the mask of an absent column, for one block.
var allMissing = func() []bool {
	mask := make([]bool, blockRows)
	for i := range mask {
		mask[i] = true
	}
	return mask
}()

func (in *input) fillAbsent(dst []float32, stride, from, to int) error {
	if in.Missing != MissingImpute {
		return lathe.Errorf(lathe.CodeInvalid, "feature: %s is missing in row %d", in.Name, from).WithField(in.Name).
			WithHint("give the field %s: this model was trained to refuse rows without it", in.Name)
	}
	absent := lathe.Column{Missing: allMissing}
	return in.fill(dst, stride, &absent, 0, to-from)
}

// bind finds each input's column, or nil. Batches mostly have the inputs' order, so that the search begins after the
// column found last; only a wide batch in another order pays for a map.
func (p *Pipeline) bind(columns []*lathe.Column, b *lathe.Batch) []*lathe.Column {
	var byName map[string]*lathe.Column
	next := 0
	for i := range p.inputs {
		name := p.inputs[i].Name
		for next < len(b.Columns) && p.ignored[b.Columns[next].Name] {
			next++
		}
		if next < len(b.Columns) && b.Columns[next].Name == name {
			columns = append(columns, &b.Columns[next])
			next++
			continue
		}
		if len(b.Columns) <= 32 {
			columns = append(columns, b.Column(name))
			continue
		}
		if byName == nil {
			byName = index(b)
		}
		columns = append(columns, byName[name])
	}
	return columns
}

func index(b *lathe.Batch) map[string]*lathe.Column {
	byName := make(map[string]*lathe.Column, len(b.Columns))
	for i := range b.Columns {
		byName[b.Columns[i].Name] = &b.Columns[i]
	}
	return byName
}

// Extra lists b's columns that the pipeline does not know. Columns that training dropped are known.
func (p *Pipeline) Extra(b *lathe.Batch) []string {
	var extra []string
	if p.ordered(b) {
		return nil
	}
	known := make(map[string]bool, len(p.inputs))
	for i := range p.inputs {
		known[p.inputs[i].Name] = true
	}
	for i := range b.Columns {
		if name := b.Columns[i].Name; !known[name] && !p.ignored[name] {
			extra = append(extra, name)
		}
	}
	return extra
}

// ordered tells, without allocating, whether b has just the inputs in their order: what most requests have.
func (p *Pipeline) ordered(b *lathe.Batch) bool {
	if len(b.Columns) != len(p.inputs) {
		return false
	}
	for i := range p.inputs {
		if b.Columns[i].Name != p.inputs[i].Name {
			return false
		}
	}
	return true
}

// Absent lists the inputs that b lacks; Transform takes them as missing.
func (p *Pipeline) Absent(b *lathe.Batch) []string {
	if p.ordered(b) {
		return nil
	}
	byName := index(b)
	var absent []string
	for i := range p.inputs {
		if byName[p.inputs[i].Name] == nil {
			absent = append(absent, p.inputs[i].Name)
		}
	}
	return absent
}
