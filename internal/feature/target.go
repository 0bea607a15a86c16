package feature

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"lathe"
	"lathe/internal/data/table"
)

// Target encodes the column to be predicted: classes by number, or a value that may be standardised.
type Target struct {
	Name    string     `json:"name"`
	Kind    lathe.Kind `json:"kind"`
	Task    string     `json:"task"`    // table.Binary, table.Multiclass or table.Regression
	Classes []string   `json:"classes"` // as scikit-learn's LabelEncoder sorts them; null for regression
	Mean    float64    `json:"mean"`    // of regression, 0 unless standardised
	Std     float64    `json:"std"`     // of regression, 1 unless standardised

	index  map[string]int
	values []float64 // of numeric classes
	ints   []int64   // of int64 classes: beyond 2^53 floats would fall together
}

// FitTarget learns the classes of a column without missing values (see table.CheckTarget, which comes first). Give it
// every row that has a label, not the training part alone: a class is a name, not a statistic.
func FitTarget(c *lathe.Column, task string) (*Target, error) {
	t := &Target{Name: c.Name, Kind: c.Kind, Task: task, Std: 1}
	if task == table.Regression {
		if c.Kind == lathe.String || c.Kind == lathe.Bool {
			return nil, lathe.Errorf(lathe.CodeInvalid, "feature: target %s is a %s column, which regression cannot learn", c.Name, c.Kind).
				WithField(c.Name).WithHint("choose task binary or multiclass, or give numbers")
		}
		return t, nil
	}
	rows := firstOfEach(c)
	slices.SortFunc(rows, func(a, b int) int { return compareCells(c, a, b) })
	if len(rows) > maxClasses {
		return nil, lathe.Errorf(lathe.CodeTooLarge, "feature: target %s has %d classes, more than the limit of %d", c.Name, len(rows), maxClasses).
			WithField(c.Name).WithHint("choose another target, or task regression where it is a number")
	}
	for _, row := range rows {
		t.Classes = append(t.Classes, classText(c, row))
	}
	t.prepare()
	return t, nil
}

// firstOfEach gives the first row of each distinct value.
func firstOfEach(c *lathe.Column) []int {
	seen := map[string]bool{}
	var rows []int
	for i := range c.Len() {
		if text := classText(c, i); !c.IsMissing(i) && !seen[text] {
			seen[text] = true
			rows = append(rows, i)
		}
	}
	return rows
}

func compareCells(c *lathe.Column, a, b int) int {
	switch c.Kind {
	case lathe.Float64:
		return cmp.Compare(c.Floats[a], c.Floats[b])
	case lathe.Int64:
		return cmp.Compare(c.Ints[a], c.Ints[b])
	case lathe.String:
		return cmp.Compare(c.Strings[a], c.Strings[b])
	default:
		return cmp.Compare(toFloat(c.Bools[a]), toFloat(c.Bools[b]))
	}
}

// classText is a class as the answer names it: 1, 1.5, true, Bonn.
func classText(c *lathe.Column, i int) string {
	switch c.Kind {
	case lathe.Float64:
		return strconv.FormatFloat(c.Floats[i]+0, 'g', -1, 64) // -0 + 0 is 0
	case lathe.Int64:
		return strconv.FormatInt(c.Ints[i], 10)
	case lathe.Bool:
		return strconv.FormatBool(c.Bools[i])
	default:
		return c.Strings[i]
	}
}

func (t *Target) prepare() {
	t.index = make(map[string]int, len(t.Classes))
	t.values, t.ints = nil, nil
	for i, class := range t.Classes {
		t.index[class] = i
		if v, err := strconv.ParseInt(class, 10, 64); err == nil && t.Kind == lathe.Int64 {
			t.ints = append(t.ints, v)
		}
		if v, err := strconv.ParseFloat(class, 64); err == nil && t.numeric() {
			t.values = append(t.values, v)
		}
	}
}

func (t *Target) numeric() bool { return t.Kind == lathe.Float64 || t.Kind == lathe.Int64 }

// Standardise learns mean and standard deviation for regression; give it the training part. They apply in Floats and
// Value.
func (t *Target) Standardise(train *lathe.Column) error {
	n, err := fitNumeric(train, Options{Impute: ImputeMean})
	if err != nil {
		return err
	}
	t.Mean, t.Std = n.Mean, n.Std
	return nil
}

// Value undoes the standardising of one prediction.
func (t *Target) Value(scaled float64) float64 {
	product := scaled * t.Std // of its own, so that no machine fuses it with the sum
	return product + t.Mean
}

// Labels writes each row's class to dst. A missing value or an unknown class is CodeInvalid.
func (t *Target) Labels(dst []int32, c *lathe.Column) error {
	for i := range dst {
		class, ok := t.class(c, i)
		if !ok {
			return t.refuse(c, i)
		}
		dst[i] = int32(class)
	}
	return nil
}

// Floats writes what a network with one output learns: 0 or 1 for two classes, the standardised value for regression.
func (t *Target) Floats(dst []float32, c *lathe.Column) error {
	for i := range dst {
		if t.Task == table.Regression {
			if c.IsMissing(i) || c.Kind != lathe.Float64 && c.Kind != lathe.Int64 {
				return t.refuse(c, i)
			}
			dst[i] = float32((numberAt(c, i) - t.Mean) / t.Std)
			if dst[i]-dst[i] != 0 {
				return t.refuse(c, i)
			}
			continue
		}
		class, ok := t.class(c, i)
		if !ok {
			return t.refuse(c, i)
		}
		dst[i] = float32(class)
	}
	return nil
}

// Numbers writes each row's value for regression, as it is: what metrics compare with.
func (t *Target) Numbers(dst []float64, c *lathe.Column) error {
	for i := range dst {
		if c.IsMissing(i) || c.Kind != lathe.Float64 && c.Kind != lathe.Int64 || numberAt(c, i)-numberAt(c, i) != 0 {
			return t.refuse(c, i)
		}
		dst[i] = numberAt(c, i)
	}
	return nil
}

// class finds a cell among the classes. Numbers are compared as such: 1 and 1.0 are one class.
func (t *Target) class(c *lathe.Column, i int) (int, bool) {
	if c.IsMissing(i) {
		return 0, false
	}
	if t.Kind == lathe.Int64 && c.Kind == lathe.Int64 {
		return slices.BinarySearch(t.ints, c.Ints[i])
	}
	if t.numeric() && (c.Kind == lathe.Float64 || c.Kind == lathe.Int64) {
		return slices.BinarySearch(t.values, numberAt(c, i))
	}
	if c.Kind != t.Kind {
		return 0, false
	}
	class, ok := t.index[classText(c, i)]
	return class, ok
}

func (t *Target) refuse(c *lathe.Column, row int) error {
	if c.IsMissing(row) {
		return lathe.Errorf(lathe.CodeInvalid, "feature: target %s is missing in row %d", t.Name, row).WithField(t.Name).WithHint("drop the rows without a target")
	}
	value := classText(c, row)
	if len(value) > 80 {
		value = strings.ToValidUTF8(value[:80], "") + "..."
	}
	e := lathe.Errorf(lathe.CodeInvalid, "feature: target %s is %q in row %d", t.Name, value, row).WithField(t.Name)
	if t.Task == table.Regression {
		return e.WithHint("give finite numbers")
	}
	return e.WithHint("the model knows the classes %s", shortList(t.Classes))
}

func shortList(list []string) string {
	if len(list) > 10 {
		return strings.Join(list[:10], ", ") + ", ..."
	}
	return strings.Join(list, ", ")
}

// Column makes the answer's column from classes, in the target's own kind.
func (t *Target) Column(name string, classes []int32) lathe.Column {
	c := lathe.NewColumn(name, t.Kind, len(classes))
	for i, class := range classes {
		switch t.Kind {
		case lathe.Float64:
			c.Floats[i] = t.values[class]
		case lathe.Int64:
			c.Ints[i] = t.ints[class]
		case lathe.Bool:
			c.Bools[i] = t.Classes[class] == "true"
		default:
			c.Strings[i] = t.Classes[class]
		}
	}
	return c
}

// check holds a stored target to what FitTarget makes.
func (t *Target) check(inputs map[string]bool) error {
	if t.Name == "" || len(t.Name) > maxNameBytes || inputs[t.Name] {
		return corrupt("the target has no proper name, or is an input too")
	}
	if err := checkScale("the target's mean and std", t.Std, t.Mean); err != nil {
		return err
	}
	n := len(t.Classes)
	switch t.Task {
	case table.Regression:
		if n > 0 || !t.numeric() {
			return corrupt("a regression target has %d classes and kind %s", n, t.Kind)
		}
		return nil
	case table.Binary:
		if n != 2 {
			return corrupt("a binary target has %d classes", n)
		}
	case table.Multiclass:
		if n < 2 || n > maxClasses {
			return corrupt("a target has %d classes, allowed are 2 to %d", n, maxClasses)
		}
	default:
		return corrupt("the task %q is not known", t.Task)
	}
	return t.checkClasses()
}

// checkClasses checks that classes are values of the target's kind, in order.
func (t *Target) checkClasses() error {
	c := lathe.NewColumn(t.Name, t.Kind, len(t.Classes))
	for i, class := range t.Classes {
		var err error
		switch t.Kind {
		case lathe.Float64:
			c.Floats[i], err = strconv.ParseFloat(class, 64)
		case lathe.Int64:
			c.Ints[i], err = strconv.ParseInt(class, 10, 64)
		case lathe.Bool:
			c.Bools[i], err = strconv.ParseBool(class)
		default:
			c.Strings[i] = class
		}
		if err != nil || len(class) > maxLevelBytes || classText(&c, i) != class || t.Kind == lathe.Float64 && c.Floats[i]-c.Floats[i] != 0 {
			return corrupt("class %d is no %s", i, t.Kind)
		}
		if i > 0 && compareCells(&c, i-1, i) >= 0 {
			return corrupt("the classes are not sorted, or one appears twice")
		}
	}
	return nil
}
