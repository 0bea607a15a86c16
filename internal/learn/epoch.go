package learn

import (
	"lathe/internal/nn"
)

// endEpoch validates, reports, and decides whether to stop.
func (t *Trainer) endEpoch() error {
	p := &t.progress
	e := Epoch{Loss: t.meanLoss()}
	number := len(p.Epochs) + 1
	if name := unfinished(t.network); name != "" {
		return &DivergedError{Step: p.Step, Epoch: number, Loss: e.Loss, What: name}
	}
	if t.evaluator != nil {
		if err := t.validate(&e, number); err != nil {
			return err
		}
	}
	p.Epochs = append(p.Epochs, e)
	t.report(EventEpoch, e)
	p.LossSum, p.LossRows = 0, 0
	return nil
}

// validate judges the average of the weights where there is one, else the weights.
func (t *Trainer) validate(e *Epoch, number int) error {
	if t.average.ready(t.progress.Step) {
		t.average.swap()
		defer t.average.swap()
	}
	loss := t.evaluator.loss()
	if loss-loss != 0 {
		return &DivergedError{Step: t.progress.Step, Epoch: number, Loss: loss, What: "validation loss"}
	}
	e.ValidationLoss = &loss
	if t.hooks.Score != nil {
		e.Metrics = t.hooks.Score(t.evaluator.predict())
	}
	t.judge(loss, number)
	return nil
}

// judge keeps the best weights and runs out of patience.
func (t *Trainer) judge(loss float64, number int) {
	p := &t.progress
	if p.BestEpoch == 0 || loss < p.BestLoss-t.config.MinDelta {
		p.BestLoss, p.BestEpoch, p.Wait = loss, number, 0
		if t.best != nil {
			t.best.keep(t.network)
		}
		return
	}
	p.Wait++
	p.Stopped = t.config.Patience > 0 && p.Wait >= t.config.Patience
}

// unfinished returns the name of a parameter or state with a value that is not finite, or "".
func unfinished(n *nn.Network) string {
	for _, p := range tensors(n) {
		for _, v := range p.Value.Data {
			if v-v != 0 {
				return p.Name
			}
		}
	}
	return ""
}

// best holds a copy of the weights and states of the lowest validation loss.
type best struct{ values [][]float32 }

func newBest(n *nn.Network) *best {
	b := &best{}
	for _, p := range tensors(n) {
		b.values = append(b.values, make([]float32, len(p.Value.Data)))
	}
	return b
}

func (b *best) keep(n *nn.Network) {
	for i, p := range tensors(n) {
		copy(b.values[i], p.Value.Data)
	}
}

func (b *best) restore(n *nn.Network) {
	for i, p := range tensors(n) {
		copy(p.Value.Data, b.values[i])
	}
}

// evaluateRows is how many rows are validated at a time.
const evaluateRows = 512

// evaluator computes the validation loss in fixed chunks, so that its bits depend on the data and
// the weights alone.
type evaluator struct {
	network    *nn.Network
	data       *Data
	plan, tail *nn.Plan
	predicted  []float32
}

func newEvaluator(n *nn.Network, data *Data, loss nn.LossOptions) *evaluator {
	options := nn.PlanOptions{Weighted: data.Weights != nil, Loss: loss}
	e := &evaluator{network: n, data: data}
	if data.Rows >= evaluateRows {
		e.plan = n.Plan(evaluateRows, options)
	}
	if rest := data.Rows % evaluateRows; rest > 0 {
		e.tail = n.Plan(rest, options)
	}
	return e
}

// loss is the mean loss over all rows.
func (e *evaluator) loss() float64 {
	var total float64
	for start := 0; start < e.data.Rows; start += evaluateRows {
		plan, rows := e.plan, evaluateRows
		if e.data.Rows-start < evaluateRows {
			plan, rows = e.tail, e.data.Rows-start
		}
		e.fill(plan, start, start+rows)
		total += float64(plan.Forward() * float64(rows))
	}
	return total / float64(e.data.Rows)
}

func (e *evaluator) fill(plan *nn.Plan, start, end int) {
	inputs, outputs := e.network.Inputs(), e.network.Outputs()
	copy(plan.X, e.data.X[start*inputs:end*inputs])
	if plan.Y != nil {
		copy(plan.Y, e.data.Y[start*outputs:end*outputs])
	}
	if plan.Labels != nil {
		copy(plan.Labels, e.data.Labels[start:end])
	}
	if plan.Weights != nil {
		copy(plan.Weights, e.data.Weights[start:end])
	}
}

// predict returns the predictions of all rows, in a buffer that the next call uses again.
func (e *evaluator) predict() []float32 {
	if e.predicted == nil {
		e.predicted = make([]float32, e.data.Rows*e.network.Outputs())
	}
	e.network.Predict(e.predicted, e.data.X, e.data.Rows)
	return e.predicted
}
