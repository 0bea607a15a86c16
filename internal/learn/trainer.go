package learn

import (
	"context"
	"fmt"
	"math"
	"time"

	"lathe/internal/kernel"
	"lathe/internal/nn"
	"lathe/internal/optim"
	"lathe/internal/tensor"
)

// streamShuffle is the stream of a seed that orders rows; package nn uses those below 16.
const streamShuffle = 16

// Trainer is a run that can be continued. It is not safe for concurrent use, and the network must
// not be used by others while Run runs.
type Trainer struct {
	network    *nn.Network
	train      Data
	validation *Data
	config     Config
	hooks      Hooks
	optimizer  optim.Optimizer
	plan, tail *nn.Plan // of a whole batch, and of an epoch's last one where it is smaller
	evaluator  *evaluator
	order      []int32 // the rows of epoch orderOf; nil when they keep their order
	orderOf    uint64
	perEpoch   uint64
	horizon    uint64 // steps of all epochs, which schedules run over
	total      uint64 // and those that MaxSteps leaves
	started    time.Time
	progress   progress
	best       *best
	average    *averager
}

// progress is where a run stands, as checkpoints keep it.
type progress struct {
	Step      uint64  `json:"step"`     // steps done
	LossSum   float64 `json:"loss_sum"` // of the epoch's rows so far
	LossRows  uint64  `json:"loss_rows"`
	Epochs    []Epoch `json:"epochs"`
	BestLoss  float64 `json:"best_loss"`
	BestEpoch int     `json:"best_epoch"` // 0: none yet
	Wait      int     `json:"wait"`       // epochs since the best
	Stopped   bool    `json:"stopped"`    // patience ran out
	Seconds   float64 `json:"seconds"`    // of earlier Runs
}

// New prepares a run on train, with validation data or nil. It returns *ConfigError or
// *optim.ConfigError.
func New(network *nn.Network, train Data, validation *Data, config Config, hooks Hooks) (*Trainer, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := train.check("training", network); err != nil {
		return nil, err
	}
	if validation != nil {
		if err := validation.check("validation", network); err != nil {
			return nil, err
		}
	} else if config.usesBest() {
		return nil, &ConfigError{Field: "patience", Value: config.Patience, Reason: "or restoring the best needs validation data"}
	}
	if err := config.Loss.Check(network.Loss()); err != nil {
		return nil, err
	}
	if config.ClassWeights != nil {
		if train, err = weighClasses(train, config.ClassWeights, network); err != nil {
			return nil, err
		}
	}
	t := &Trainer{network: network, train: train, validation: validation, config: config, hooks: hooks}
	if t.hooks.Clock == nil {
		t.hooks.Clock = time.Now
	}
	return t, t.prepare()
}

func (t *Trainer) prepare() (err error) {
	if t.optimizer, err = optim.New(t.config.Optimizer, t.network.Parameters()); err != nil {
		return err
	}
	batch := min(t.config.Batch, t.train.Rows)
	options := nn.PlanOptions{Training: true, Weighted: t.train.Weights != nil, Seed: t.config.Seed, Loss: t.config.Loss}
	t.plan = t.network.Plan(batch, options)
	if rest := t.train.Rows % batch; rest > 0 {
		t.tail = t.network.Plan(rest, options)
	}
	t.order, t.orderOf = make([]int32, t.train.Rows), math.MaxUint64
	t.perEpoch = uint64((t.train.Rows + batch - 1) / batch)
	t.horizon = t.perEpoch * uint64(t.config.Epochs)
	t.total = t.horizon
	if t.config.MaxSteps > 0 {
		t.total = min(t.total, t.config.MaxSteps)
	}
	if t.validation != nil {
		t.evaluator = newEvaluator(t.network, t.validation, t.config.Loss)
	}
	if t.config.usesBest() {
		t.best = newBest(t.network)
	}
	if t.config.Average.Kind != "" {
		t.average = newAverager(t.config.Average, t.network, t.horizon, t.perEpoch)
	}
	return nil
}

// Steps is the number of steps the run will make unless it stops early.
func (t *Trainer) Steps() uint64 { return t.total }

// Run trains to the end. It returns the context's error when it is cancelled, at a step's border:
// Checkpoint then gives the state, and another Run continues. It returns *DivergedError when a loss
// is not finite, and the error of a hook, wrapped.
func (t *Trainer) Run(ctx context.Context) (Result, error) {
	pool := kernel.NewPool(t.config.Threads)
	defer pool.Stop()
	t.usePool(pool)
	defer t.usePool(nil)
	t.started = t.hooks.Clock()
	for !t.done() {
		if err := ctx.Err(); err != nil {
			t.pause()
			return t.result(), fmt.Errorf("learn: stopped at step %d of %d: %w", t.progress.Step, t.total, err)
		}
		if err := t.advance(); err != nil {
			t.pause()
			return t.result(), err
		}
	}
	t.pause()
	switch {
	case t.config.RestoreBest && t.progress.BestEpoch > 0:
		t.best.restore(t.network)
	case t.average.ready(t.progress.Step):
		t.average.restore()
	}
	return t.result(), nil
}

func (t *Trainer) usePool(pool *kernel.Pool) {
	plans := []*nn.Plan{t.plan, t.tail}
	if t.evaluator != nil {
		plans = append(plans, t.evaluator.plan, t.evaluator.tail)
	}
	for _, plan := range plans {
		if plan != nil {
			plan.SetPool(pool)
		}
	}
}

func (t *Trainer) done() bool { return t.progress.Step >= t.total || t.progress.Stopped }

// pause adds the time of this Run to that of earlier ones.
func (t *Trainer) pause() { t.progress.Seconds, t.started = t.seconds(), time.Time{} }

func (t *Trainer) seconds() float64 {
	if t.started.IsZero() {
		return t.progress.Seconds
	}
	return t.progress.Seconds + t.hooks.Clock().Sub(t.started).Seconds()
}

func (t *Trainer) result() Result {
	return Result{
		Steps: t.progress.Step, Epochs: t.progress.Epochs, BestEpoch: t.progress.BestEpoch,
		StoppedEarly: t.progress.Stopped, Digest: t.network.Digest(), Seconds: t.progress.Seconds,
	}
}

// advance makes one step and what follows it: the end of an epoch, events, a checkpoint.
func (t *Trainer) advance() error {
	if err := t.step(); err != nil {
		return err
	}
	step := t.progress.Step
	if step%t.config.ReportEvery == 0 {
		t.report(EventStep, Epoch{Loss: t.meanLoss()})
	}
	if step%t.perEpoch == 0 || step == t.total {
		if err := t.endEpoch(); err != nil {
			return err
		}
	}
	if t.hooks.Checkpoint == nil || t.config.CheckpointEvery == 0 || step%t.config.CheckpointEvery != 0 {
		return nil
	}
	if err := t.hooks.Checkpoint(t.Checkpoint()); err != nil {
		return fmt.Errorf("learn: checkpoint at step %d: %w", step, err)
	}
	return nil
}

// step updates the weights once. It allocates nothing but at the first step of an epoch.
func (t *Trainer) step() error {
	p := &t.progress
	epoch, at := p.Step/t.perEpoch, p.Step%t.perEpoch
	rows := t.rows(epoch, at)
	plan := t.plan
	if t.tail != nil && at == t.perEpoch-1 {
		plan = t.tail
	}
	t.gather(plan, rows, t.next(at))
	plan.SetStep(p.Step)
	plan.SetDropout(t.factor(t.config.DropoutSchedule))
	loss := plan.Forward()
	if loss-loss != 0 {
		return &DivergedError{Step: p.Step + 1, Epoch: int(epoch) + 1, Loss: loss, What: "loss"}
	}
	plan.Backward()
	t.optimizer.SetDecay(t.factor(t.config.DecaySchedule))
	t.optimizer.Step(float64(t.config.LearningRate * t.factor(t.config.Schedule)))
	p.Step++
	if t.average != nil {
		t.average.update(p.Step)
	}
	p.LossSum += float64(loss * float64(len(rows)))
	p.LossRows += uint64(len(rows))
	return nil
}

// factor is what a schedule says about the step to come.
func (t *Trainer) factor(s optim.Schedule) float64 {
	return s.Factor(t.progress.Step, t.horizon, t.perEpoch)
}

// rows returns the numbers of the rows of batch at of an epoch.
func (t *Trainer) rows(epoch, at uint64) []int32 {
	if t.orderOf != epoch {
		t.shuffle(epoch)
	}
	return t.batch(at)
}

// batch returns the rows of batch at of the epoch in order, none beyond its end.
func (t *Trainer) batch(at uint64) []int32 {
	size := min(t.config.Batch, t.train.Rows)
	start := min(int(at)*size, t.train.Rows)
	return t.order[start:min(start+size, t.train.Rows)]
}

// aheadFrom is the size of a table, in values (32 MiB), from which its next rows are asked for early. On an EPYC that
// took 0 to 17 % off a step of 32 rows of a table of 240 MB, and added 3 % for one of 10 MB, which the cache holds.
const aheadFrom = 1 << 23

// next returns the rows that follow those of batch at, whose memory can be asked for while this batch is computed; none
// where the cache holds the table, or the processor foresees what comes.
func (t *Trainer) next(at uint64) []int32 {
	if t.config.KeepOrder || len(t.train.X) < aheadFrom {
		return nil
	}
	return t.batch(at + 1)
}

func (t *Trainer) shuffle(epoch uint64) {
	t.orderOf = epoch
	if !t.config.KeepOrder {
		tensor.NewRandom(t.config.Seed, streamShuffle).Derive(epoch).Permutation(t.order)
		return
	}
	for i := range t.order {
		t.order[i] = int32(i)
	}
}

func (t *Trainer) gather(plan *nn.Plan, rows, next []int32) {
	kernel.GatherPrefetch(plan.X, t.train.X, rows, next, t.network.Inputs())
	if plan.Y != nil {
		kernel.Gather(plan.Y, t.train.Y, rows, t.network.Outputs())
	}
	for i := range plan.Labels {
		plan.Labels[i] = t.train.Labels[rows[i]]
	}
	if plan.Weights != nil {
		kernel.Gather(plan.Weights, t.train.Weights, rows, 1)
	}
}

func (t *Trainer) meanLoss() float64 { return t.progress.LossSum / float64(t.progress.LossRows) }

func (t *Trainer) report(kind EventKind, e Epoch) {
	if t.hooks.Event == nil {
		return
	}
	t.hooks.Event(Event{
		Kind: kind, Step: t.progress.Step, Steps: t.total,
		Epoch: int((t.progress.Step-1)/t.perEpoch) + 1, Epochs: t.config.Epochs,
		Loss: e.Loss, ValidationLoss: e.ValidationLoss, Metrics: e.Metrics, Seconds: t.seconds(),
	})
}
