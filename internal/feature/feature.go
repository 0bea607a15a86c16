// Package feature turns the columns of a table into the numbers that a model learns from.
//
// A Pipeline is learnt on the training part alone, is stored in a package's preprocess.json, and gives the same bits
// wherever it runs: values are float64 until they are scaled and are rounded to float32 once. A Target does the same for
// the column to be predicted.
//
//	type of column     features
//	integer, float     (x - mean) / std; with missing values in training, optionally 1 where missing
//	boolean            0 or 1; with missing values in training, 1 where missing
//	category           one column a level, one for the rest where levels were cut, one for missing where training had it
//	datetime           seconds since 1970, year, month, day, weekday, hour (UTC), each standardised; optionally sin and cos
//	identifier, constant, text and columns without a value in training are dropped, with the reason
//
// An unseen category counts as the rest where there is such a column; else all its level columns are 0. A missing
// number is the median (or mean) of training, a missing boolean the more frequent value, a missing category its own
// column or all zeros, a missing date-time the mean of every part.
package feature

import (
	"slices"

	"lathe"
	"lathe/internal/data/table"
)

// The ways to take a missing value at prediction.
const (
	MissingImpute = "impute" // in every column
	MissingRefuse = "refuse" // in none: CodeInvalid that names the field
	MissingSeen   = "seen"   // where training had missing values; refused elsewhere
)

// The values that stand for a missing number.
const (
	ImputeMedian = "median"
	ImputeMean   = "mean"
)

// Options say how to learn a Pipeline; zero values are the defaults.
type Options struct {
	Exclude   []string // columns that are no features: the target, the split column
	MaxLevels int      // categories with a column of their own, the most frequent first; 50
	Impute    string   // ImputeMedian or ImputeMean; median
	Missing   string   // MissingImpute, MissingRefuse or MissingSeen; impute
	Indicator bool     // a numeric column with missing values gets a second feature: 1 where missing
	Cyclic    bool     // month, weekday and hour also as sine and cosine
}

// DefaultLevels is Options.MaxLevels' default.
const DefaultLevels = 50

func (o Options) orDefault() (Options, error) {
	if o.MaxLevels == 0 {
		o.MaxLevels = DefaultLevels
	}
	if o.Impute == "" {
		o.Impute = ImputeMedian
	}
	if o.Missing == "" {
		o.Missing = MissingImpute
	}
	switch {
	case o.MaxLevels < 1 || o.MaxLevels > maxLevels:
		return o, lathe.Errorf(lathe.CodeInvalid, "feature: fit: max levels is %d", o.MaxLevels).WithField("max_levels").WithHint("give 1 to %d", maxLevels)
	case o.Impute != ImputeMedian && o.Impute != ImputeMean:
		return o, lathe.Errorf(lathe.CodeInvalid, "feature: fit: impute %q is not known", o.Impute).WithField("impute").WithHint("use median or mean")
	case o.Missing != MissingImpute && o.Missing != MissingRefuse && o.Missing != MissingSeen:
		return o, lathe.Errorf(lathe.CodeInvalid, "feature: fit: missing %q is not known", o.Missing).WithField("missing").WithHint("use impute, refuse or seen")
	}
	return o, nil
}

// Dropped is a column that gives no features, and why.
type Dropped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Pipeline maps a Batch to a row-major [N Width] matrix. It is not changed after Fit and safe for concurrent use.
type Pipeline struct {
	inputs  []input
	dropped []Dropped
	ignored map[string]bool // dropped, by name
	width   int
}

// Fit learns a pipeline on the training part; schema says what its columns mean and has each of them. A column with a
// NaN or an infinity is CodeInvalid, and so is a table without any feature.
func Fit(train *lathe.Batch, schema table.Schema, o Options) (*Pipeline, error) {
	o, err := o.orDefault()
	if err != nil {
		return nil, err
	}
	p := &Pipeline{}
	for i := range train.Columns {
		c := &train.Columns[i]
		if slices.Contains(o.Exclude, c.Name) {
			continue
		}
		meaning := schema.Column(c.Name)
		if meaning == nil {
			return nil, lathe.Errorf(lathe.CodeInternal, "feature: fit: the schema lacks column %q", c.Name)
		}
		if err := p.add(c, meaning.Type, o); err != nil {
			return nil, err
		}
	}
	return p, p.finish()
}

// add learns one column, or notes why it is dropped.
func (p *Pipeline) add(c *lathe.Column, meaning string, o Options) error {
	if reason := dropReason(c, meaning); reason != "" {
		p.dropped = append(p.dropped, Dropped{Name: c.Name, Reason: reason})
		return nil
	}
	in, err := fitInput(c, meaning, o)
	p.inputs = append(p.inputs, in)
	return err
}

func dropReason(c *lathe.Column, meaning string) string {
	switch {
	case countMissing(c) == c.Len():
		return "no value in the training part"
	case meaning == table.Identifier:
		return "an identifier: unique or nearly so, it says nothing about other rows"
	case meaning == table.Constant:
		return "a constant: the same in every row"
	case meaning == table.Text:
		return "long text: numbers, categories and date-times are learnt from"
	}
	return ""
}

// finish gives every input its place.
func (p *Pipeline) finish() error {
	p.width = 0
	p.ignored = make(map[string]bool, len(p.dropped))
	for _, d := range p.dropped {
		p.ignored[d.Name] = true
	}
	for i := range p.inputs {
		p.inputs[i].offset = p.width
		p.inputs[i].prepare()
		p.width += p.inputs[i].width()
	}
	if p.width == 0 {
		return lathe.Errorf(lathe.CodeInvalid, "feature: fit: no column is left to learn from").
			WithHint("identifiers, constants and long text are not learnt from: add numbers, categories or dates")
	}
	if p.width > maxWidth {
		return lathe.Errorf(lathe.CodeTooLarge, "feature: fit: the columns give %d features, more than the limit of %d", p.width, maxWidth).
			WithHint("drop category columns, or lower max_levels")
	}
	return nil
}

// Width is the number of features of a row.
func (p *Pipeline) Width() int { return p.width }

// Dropped lists the columns that are not learnt from. At prediction they are known, and ignored.
func (p *Pipeline) Dropped() []Dropped { return slices.Clone(p.dropped) }

// Names lists the features' names in order: "age", "age_missing", "city=Bonn", "city=(other)", "start.month".
func (p *Pipeline) Names() []string {
	names := make([]string, 0, p.width)
	for i := range p.inputs {
		names = p.inputs[i].names(names)
	}
	return names
}

// Inputs is the model's signature: what it takes, in the order in which rows given as arrays hold their values.
func (p *Pipeline) Inputs() []lathe.Input {
	list := make([]lathe.Input, len(p.inputs))
	for i := range p.inputs {
		list[i] = p.inputs[i].signature()
	}
	return list
}

// Kinds gives the kind of each input by name, as table.Options takes it: a CSV read so fits the pipeline.
func (p *Pipeline) Kinds() map[string]lathe.Kind {
	kinds := make(map[string]lathe.Kind, len(p.inputs))
	for i := range p.inputs {
		kinds[p.inputs[i].Name] = p.inputs[i].Kind
	}
	return kinds
}
