package tabular

import (
	"lathe"
	"lathe/internal/data/table"
	"lathe/internal/learn"
)

// part is the rows of train, validation or test, ready for the network.
type part struct {
	learn.Data
	numbers []float64 // the targets of regression as they are
	classes []int32   // the classes of classification
}

type parts struct{ train, validation, test part }

// transform makes the matrices of all parts.
func (j *job) transform() (err error) {
	for _, p := range []struct {
		to   *part
		rows []int
	}{{&j.parts.train, j.split.Train}, {&j.parts.validation, j.split.Validation}, {&j.parts.test, j.split.Test}} {
		if *p.to, err = j.part(j.Batch.Take(p.rows)); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) part(b *lathe.Batch) (part, error) {
	p := part{Data: learn.Data{Rows: b.Rows, X: make([]float32, b.Rows*j.pipeline.Width())}}
	if err := j.pipeline.Transform(p.X, b); err != nil {
		return p, err
	}
	target := b.Column(j.Spec.Target)
	if j.task == table.Regression {
		p.numbers = make([]float64, b.Rows)
		p.Y = make([]float32, b.Rows)
		if err := j.target.Numbers(p.numbers, target); err != nil {
			return p, err
		}
		return p, j.target.Floats(p.Y, target)
	}
	p.classes = make([]int32, b.Rows)
	if err := j.target.Labels(p.classes, target); err != nil {
		return p, err
	}
	if len(j.target.Classes) > 2 {
		p.Labels = p.classes
		return p, nil
	}
	p.Y = make([]float32, b.Rows)
	return p, j.target.Floats(p.Y, target)
}

// validation is the part that training looks at between epochs, nil where there is none.
func (j *job) validation() *learn.Data {
	if j.parts.validation.Rows == 0 {
		return nil
	}
	return &j.parts.validation.Data
}
