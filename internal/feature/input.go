package feature

import (
	"lathe"
	"lathe/internal/data/table"
)

// input is one column that is learnt from. Just one of the four parts is set.
type input struct {
	Name     string     `json:"name"`
	Kind     lathe.Kind `json:"kind"`
	Type     string     `json:"type"`
	Missing  string     `json:"missing"` // impute or refuse
	Numeric  *numeric   `json:"numeric,omitempty"`
	Boolean  *boolean   `json:"boolean,omitempty"`
	Category *category  `json:"category,omitempty"`
	Time     *clock     `json:"time,omitempty"`

	offset int
	part   part
}

// part is what a kind of column learns. fill writes the features of one column for rows [from, to) of c at dst, where
// a row takes stride values.
type part interface {
	width() int
	prepare()
	names(to []string, column string) []string
	fill(dst []float32, stride int, in *input, c *lathe.Column, from, to int) error
	describe(d *lathe.Input)
	check() error
}

func fitInput(c *lathe.Column, meaning string, o Options) (input, error) {
	in := input{Name: c.Name, Kind: c.Kind, Type: meaning, Missing: o.Missing}
	if o.Missing == MissingSeen {
		in.Missing = MissingRefuse
		if countMissing(c) > 0 {
			in.Missing = MissingImpute
		}
	}
	var err error
	switch {
	case meaning == table.DateTime && c.Kind == lathe.String:
		in.Time, err = fitClock(c, o)
	case meaning == table.Category && c.Kind == lathe.Int64, c.Kind == lathe.String:
		in.Category = fitCategory(c, o)
	case c.Kind == lathe.Bool:
		in.Boolean = fitBoolean(c)
	default:
		in.Numeric, err = fitNumeric(c, o)
	}
	return in, err
}

// prepare makes what is not stored.
func (in *input) prepare() {
	switch {
	case in.Numeric != nil:
		in.part = in.Numeric
	case in.Boolean != nil:
		in.part = in.Boolean
	case in.Category != nil:
		in.part = in.Category
	default:
		in.part = in.Time
	}
	in.part.prepare()
}

func (in *input) width() int { return in.part.width() }

func (in *input) names(to []string) []string { return in.part.names(to, in.Name) }

func (in *input) signature() lathe.Input {
	d := lathe.Input{Name: in.Name, Kind: in.Kind, Type: in.Type, Missing: in.Missing}
	in.part.describe(&d)
	return d
}

// refuseMissing reports a missing value where the model takes none.
func (in *input) refuseMissing(row int) error {
	if in.Missing == MissingImpute {
		return nil
	}
	return lathe.Errorf(lathe.CodeInvalid, "feature: %s is missing in row %d", in.Name, row).WithField(in.Name).
		WithHint("give a %s value: this model was trained to refuse rows without it", in.Kind)
}

// refuseKind reports a value of another kind.
func (in *input) refuseKind(c *lathe.Column, row int) error {
	return lathe.Errorf(lathe.CodeInvalid, "feature: %s is a %s in row %d, expected %s", in.Name, c.Kind, row, in.wants()).WithField(in.Name).
		WithHint("give %s, as in training", in.wants())
}

func (in *input) wants() string {
	switch {
	case in.Numeric != nil:
		return "a number"
	case in.Boolean != nil:
		return "true or false"
	case in.Time != nil:
		return "a date-time as a string"
	case in.Kind == lathe.Int64:
		return "a whole number"
	default:
		return "a string"
	}
}

func countMissing(c *lathe.Column) int {
	n := 0
	for _, m := range c.Missing {
		if m {
			n++
		}
	}
	return n
}
