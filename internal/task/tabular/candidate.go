package tabular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"time"

	"lathe"
	"lathe/internal/data/table"
	"lathe/internal/eval"
	"lathe/internal/learn"
	"lathe/internal/nn"
	"lathe/internal/optim"
)

// candidate is a trained recipe with what it is worth.
type candidate struct {
	recipe     string
	net        *nn.Network
	weights    []byte
	steps      int64
	seconds    float64
	p50        float64 // microseconds for one row
	validation *eval.Report
	test       *eval.Report
	epochs     []learn.Epoch
}

// candidates trains what the spec asks for: the baseline always, the network unless the baseline alone is wanted.
func (j *job) candidates(ctx context.Context) ([]*candidate, error) {
	majority, err := j.majority()
	if err != nil {
		return nil, err
	}
	list := []*candidate{majority}
	if j.Spec.Recipe != RecipeMajority {
		mlp, err := j.mlp(ctx)
		if err != nil {
			return nil, lastly(err)
		}
		list = append(list, mlp)
	}
	for _, c := range list {
		if err := j.measure(c); err != nil {
			return nil, err
		}
	}
	j.rank(list)
	return list, nil
}

// shape is the network of the recipe for this table.
func (j *job) shape(hidden []int) nn.MLP {
	loss, outputs := nn.BinaryCrossEntropy, 1
	switch {
	case j.task == table.Regression:
		loss = nn.MeanSquaredError
	case len(j.target.Classes) > 2:
		loss, outputs = nn.CategoricalCrossEntropy, len(j.target.Classes)
	}
	return nn.MLP{
		Inputs: j.pipeline.Width(), Hidden: hidden, Outputs: outputs,
		Activation: nn.Activation(j.params.Activation), Dropout: j.params.Dropout, Loss: loss,
	}
}

// majority answers the same for every row: each class's share of the training part, or its mean. It is a linear network
// whose weights are 0, so that everything downstream treats it like any other model.
func (j *job) majority() (*candidate, error) {
	start := j.hooks.Clock()
	net, err := nn.NewMLP(j.shape(nil), j.Spec.Seed)
	if err != nil {
		return nil, err
	}
	params := net.Parameters()
	for _, p := range params {
		clear(p.Value.Data)
	}
	bias := params[len(params)-1].Value.Data
	if j.task != table.Regression { // the standardised mean is 0 already
		j.priors(bias)
	}
	return &candidate{recipe: RecipeMajority, net: net, seconds: j.since(start)}, nil
}

// priors writes the logits of the training part's class shares. A class without a row there counts as half a row.
func (j *job) priors(bias []float32) {
	counts := make([]float64, len(j.target.Classes))
	for _, c := range j.parts.train.classes {
		counts[c]++
	}
	for i, n := range counts {
		counts[i] = math.Log(max(n, 0.5) / float64(j.parts.train.Rows))
	}
	if len(bias) == 1 {
		bias[0] = float32(counts[1] - counts[0])
		return
	}
	for i := range bias {
		bias[i] = float32(counts[i])
	}
}

// errBudget ends training when its time is up.
var errBudget = errors.New("tabular: the budget is used up")

// mlp trains the network.
func (j *job) mlp(ctx context.Context) (*candidate, error) {
	net, err := nn.NewMLP(j.shape(j.params.Hidden), j.Spec.Seed)
	if err != nil {
		return nil, err
	}
	if j.Spec.BudgetSeconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(j.Spec.BudgetSeconds*float64(time.Second)), errBudget)
		defer cancel()
	}
	trainer, err := learn.New(net, j.parts.train.Data, j.validation(), j.config(), j.learnHooks())
	if err != nil {
		return nil, err
	}
	if j.Resume != nil {
		if err := trainer.Resume(j.Resume); err != nil {
			return nil, fmt.Errorf("tabular: resume: %w", err)
		}
	}
	result, err := trainer.Run(ctx)
	c := &candidate{recipe: RecipeMLP, net: net, steps: int64(result.Steps), seconds: result.Seconds, epochs: result.Epochs}
	switch {
	case errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errBudget):
		return c, j.cut(c, trainer)
	case err != nil && ctx.Err() != nil:
		return nil, j.interrupted(trainer, err)
	case err != nil:
		return nil, err
	}
	return c, nil
}

// cut ends a training whose budget is used up, as a training of just so many steps ends.
func (j *job) cut(c *candidate, trainer *learn.Trainer) error {
	c.steps = int64(trainer.Checkpoint().Step())
	if c.steps == 0 {
		return lathe.Errorf(lathe.CodeInvalid, "tabular: the budget of %g s ended before the first step", j.Spec.BudgetSeconds).
			WithField("budget_seconds").WithHint("give it more time")
	}
	j.warn("the budget of %g s ended training after %d of %d steps", j.Spec.BudgetSeconds, c.steps, trainer.Steps())
	return nil
}

// interrupted hands out where training stands, so that a later run goes on from this very step.
func (j *job) interrupted(trainer *learn.Trainer, err error) error {
	if j.hooks.Checkpoint == nil {
		return err
	}
	return errors.Join(err, j.hooks.Checkpoint(trainer.Checkpoint()))
}

func (j *job) config() learn.Config {
	p := j.params
	o := optim.Config{Kind: optim.Kind(p.Optimizer)}
	if o.Kind == optim.KindSGD {
		o.Momentum = p.Momentum
	} else {
		o.Beta1, o.Beta2, o.Epsilon = p.Beta1, p.Beta2, p.Epsilon
	}
	return learn.Config{
		Epochs: p.Epochs, Batch: p.Batch, Seed: j.Spec.Seed, KeepOrder: !p.Shuffle, Optimizer: o,
		LearningRate: p.LearningRate, MaxSteps: uint64(p.MaxSteps), Patience: p.Patience, RestoreBest: p.Patience > 0,
		CheckpointEvery: 50, ReportEvery: 200, DataDigest: j.Digest,
	}
}

// learnHooks passes progress on, and checkpoints as often as the parameter says.
func (j *job) learnHooks() learn.Hooks {
	last := j.hooks.Clock()
	h := learn.Hooks{Clock: j.hooks.Clock, Event: func(e learn.Event) {
		if j.hooks.Progress != nil {
			j.hooks.Progress(e)
		}
	}}
	h.Checkpoint = func(c *learn.Checkpoint) error {
		if j.hooks.Checkpoint == nil || j.since(last)*1000 < float64(j.params.CheckpointMS) {
			return nil
		}
		last = j.hooks.Clock()
		return j.hooks.Checkpoint(c)
	}
	return h
}

func (j *job) since(start time.Time) float64 { return j.hooks.Clock().Sub(start).Seconds() }

// measure evaluates a candidate on what it has not learnt from, and on its cost.
func (j *job) measure(c *candidate) (err error) {
	var b bytes.Buffer
	if err := c.net.Write(&b); err != nil {
		return fmt.Errorf("tabular: weights: %w", err)
	}
	c.weights = b.Bytes()
	if c.validation, err = j.report(c, &j.parts.validation); err != nil {
		return err
	}
	if c.test, err = j.report(c, &j.parts.test); err != nil {
		return err
	}
	c.p50 = j.latency(c.net)
	return nil
}

// latency is the median time of one row's way through the network, in microseconds.
func (j *job) latency(net *nn.Network) float64 {
	x := j.parts.train.X[:j.pipeline.Width()]
	y := make([]float32, net.Outputs())
	const tries, each = 31, 16
	times := make([]float64, tries)
	for i := range times {
		start := j.hooks.Clock()
		for range each {
			net.Predict(y, x, 1)
		}
		times[i] = j.since(start) * 1e6 / each
	}
	sort.Float64s(times)
	return times[tries/2]
}

// rank puts the best first. Recipe auto chooses by validation; a recipe that was named stays first whatever it is worth.
func (j *job) rank(list []*candidate) {
	metric, sign := decisive(j.task)
	sort.SliceStable(list, func(a, b int) bool {
		if j.Spec.Recipe != RecipeAuto || list[a].validation == nil {
			return list[a].recipe != RecipeMajority && list[b].recipe == RecipeMajority
		}
		va, vb := sign*list[a].validation.Metrics[metric], sign*list[b].validation.Metrics[metric]
		if va == vb {
			return list[a].recipe == RecipeMajority && list[b].recipe != RecipeMajority // equal: the simpler one
		}
		return va > vb
	})
}

// decisive is the metric that chooses, and 1 where more is better, -1 where less is.
func decisive(task string) (metric string, sign float64) {
	if task == table.Regression {
		return "rmse", -1
	}
	return "log_loss", -1
}

func (c *candidate) line(packed int64) lathe.Candidate {
	return lathe.Candidate{
		Recipe: c.recipe, Validation: metrics(c.validation), Test: metrics(c.test),
		Seconds: c.seconds, Bytes: packed, P50US: c.p50,
	}
}

// metrics are those of a report, nil where there is no such part.
func metrics(r *eval.Report) map[string]float64 {
	if r == nil {
		return nil
	}
	return r.Metrics
}
