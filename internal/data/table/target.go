package table

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"lathe"
)

// The tasks; TaskAuto lets the target decide.
const (
	TaskAuto   = "auto"
	Binary     = "binary"
	Multiclass = "multiclass"
	Regression = "regression"
)

// maxAutoClasses is how many whole numbers a target may have to be taken for classes; with more it is a quantity.
const maxAutoClasses = 20

// CheckTarget tells whether a column can be learnt as task, and which task it is where task is TaskAuto (or ""):
// two values are binary, other texts multiclass, up to 20 whole numbers that repeat multiclass, other numbers regression.
// stratified says that the split will keep the shares of classes. Rows without the target do not count. An error
// is a *lathe.Error with CodeInvalid for the field "target", whose hint names the way out.
func CheckTarget(b *lathe.Batch, target, task string, stratified bool) (string, error) {
	c := b.Column(target)
	if c == nil {
		return "", NoColumn(b, "target", target)
	}
	counts, present := countValues(c)
	if err := checkPresent(c, present, len(counts)); err != nil {
		return "", err
	}
	if err := checkNumbers(c, task); err != nil {
		return "", err
	}
	if task == "" || task == TaskAuto {
		task = inferTask(c, len(counts), present)
	}
	switch task {
	case Regression:
		return task, checkRegression(c)
	case Binary, Multiclass:
		return task, checkClasses(c, task, counts, present, stratified)
	}
	return "", lathe.Errorf(lathe.CodeInvalid, "table: task %s is not known", quote(task)).WithField("task").
		WithHint("use auto, binary, multiclass or regression")
}

func badTarget(c *lathe.Column, format string, args ...any) *lathe.Error {
	return lathe.Errorf(lathe.CodeInvalid, "table: target "+strings.ReplaceAll(quote(c.Name), "%", "%%")+" "+format, args...).WithField("target")
}

// countValues counts each distinct value by its hash, and the values that are there.
func countValues(c *lathe.Column) (map[uint64]int, int) {
	counts, present := map[uint64]int{}, 0
	for i := range c.Len() {
		if !c.IsMissing(i) {
			counts[cellHash(c, i)]++
			present++
		}
	}
	return counts, present
}

func checkPresent(c *lathe.Column, present, distinct int) error {
	switch {
	case 2*present < c.Len():
		return badTarget(c, "is missing in %d of %d rows", c.Len()-present, c.Len()).
			WithHint("choose another target, or keep just the rows that have one")
	case distinct < 2:
		return badTarget(c, "is constant: there is nothing to learn").WithHint("choose a column with at least two different values, or add rows of the other kind")
	}
	return nil
}

// checkNumbers refuses what no task can learn: numbers that are not finite, and numbers written as text.
func checkNumbers(c *lathe.Column, task string) error {
	for i, f := range c.Floats {
		if f-f != 0 && !c.IsMissing(i) {
			return badTarget(c, "is %v in row %d", f, i).WithHint("leave the cell empty, or drop the row")
		}
	}
	if c.Kind != lathe.String || task == Binary || task == Multiclass {
		return nil
	}
	if example := numbersAsText(c); example != "" {
		return badTarget(c, "holds numbers as text, such as %s", quote(example)).
			WithHint("write plain numbers without separators, units or signs of currency: 1234.5; for classes give the task: multiclass")
	}
	return nil
}

// numbersAsText gives an example where at least 9 in 10 of a column's texts are numbers in another dress: "1,234",
// "12%", "$5", "1 234,5 €". Otherwise it is "".
func numbersAsText(c *lathe.Column) string {
	count, dressed, example := 0, 0, ""
	for i, v := range c.Strings {
		if c.IsMissing(i) {
			continue
		}
		count++
		if bare, ok := undress(v); ok {
			if bare != v && example == "" {
				example = v
			}
			dressed++
		}
		if count == 1000 && dressed < 500 {
			return ""
		}
	}
	if 10*dressed < 9*count {
		return ""
	}
	return example
}

// undress takes separators, signs of currency and the like off a number.
func undress(v string) (string, bool) {
	if len(v) > 40 {
		return "", false
	}
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune(",%$€£¥ '_\u00a0\u202f", r) {
			return -1
		}
		return r
	}, v)
	_, ok := scanNumber([]byte(bare))
	return bare, ok && strings.ContainsAny(v, "0123456789")
}

func inferTask(c *lathe.Column, distinct, present int) string {
	switch {
	case distinct == 2:
		return Binary
	case c.Kind == lathe.String:
		return Multiclass
	case distinct <= maxAutoClasses && 5*distinct <= present && allWhole(c):
		return Multiclass
	default:
		return Regression
	}
}

func allWhole(c *lathe.Column) bool {
	for _, f := range c.Floats {
		if f != math.Trunc(f) {
			return false
		}
	}
	return true
}

func checkRegression(c *lathe.Column) error {
	if c.Kind == lathe.Float64 || c.Kind == lathe.Int64 {
		return nil
	}
	return badTarget(c, "is a %s column, which regression cannot learn", c.Kind).WithHint("give numbers, or choose the task binary or multiclass")
}

func checkClasses(c *lathe.Column, task string, counts map[uint64]int, present int, stratified bool) error {
	if task == Binary && len(counts) != 2 {
		return badTarget(c, "has %d classes, but the task is binary", len(counts)).WithHint("choose the task multiclass, or a target with two values")
	}
	if 2*len(counts) > present && present > 4 {
		e := badTarget(c, "has %d different values in %d rows: nearly all unique, it cannot be learnt as classes", len(counts), present)
		if c.Kind == lathe.String {
			return e.WithHint("is it an identifier? Choose a target whose values repeat")
		}
		return e.WithHint("choose the task regression, or a target whose values repeat")
	}
	if !stratified {
		return nil
	}
	for i := range c.Len() {
		if !c.IsMissing(i) && counts[cellHash(c, i)] == 1 {
			return badTarget(c, "has just one row of class %s: a stratified split cannot put it on both sides", quote(cellText(c, i))).
				WithHint("add rows of this class, drop the row, join it with another class, or split without stratifying (--set stratify=false) or by a column of your own")
		}
	}
	return nil
}

// NoColumn is the error for a column that a table does not have; its hint lists names that are close. field is the
// input that named it.
func NoColumn(b *lathe.Batch, field, name string) error {
	e := lathe.Errorf(lathe.CodeInvalid, "table: there is no column %s", quote(name)).WithField(field)
	type candidate struct {
		name     string
		distance int
	}
	list := make([]candidate, 0, len(b.Columns))
	var near, all []string
	for i := range b.Columns {
		other := b.Columns[i].Name
		all = append(all, quote(other))
		list = append(list, candidate{other, distance(strings.ToLower(clip(name)), strings.ToLower(clip(other)))})
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	for _, c := range list {
		if c.distance <= max(1, len(name)/3) || name != "" && strings.Contains(strings.ToLower(c.name), strings.ToLower(name)) {
			near = append(near, quote(c.name))
		}
	}
	if len(near) > 0 {
		return e.WithHint("did you mean %s?", strings.Join(near[:min(3, len(near))], " or "))
	}
	rest := ""
	if len(all) > 10 {
		rest = ", ..."
	}
	return e.WithHint("the columns are %s%s", strings.Join(all[:min(10, len(all))], ", "), rest)
}

// clip bounds the work of distance.
func clip(s string) string { return s[:min(len(s), 64)] }

// distance is Levenshtein's, over bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for k := range row {
		row[k] = k
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for k := range len(b) {
			cost := diagonal
			if a[i] != b[k] {
				cost = 1 + min(diagonal, row[k], row[k+1])
			}
			diagonal, row[k+1] = row[k+1], cost
		}
	}
	return row[len(b)]
}
