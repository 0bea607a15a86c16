package learn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lathe/internal/format/safetensors"
	"lathe/internal/nn"
	"lathe/internal/optim"
)

// setting is a run to be cut.
type setting struct {
	loss    nn.Loss
	dropout float64
	config  Config
	weights bool
	norm    nn.Norm
}

// settings are small but have it all: a last batch that is smaller, dropout, weights, early stopping.
var settings = map[string]setting{
	"adam":           {nn.BinaryCrossEntropy, 0, Config{Epochs: 3, Batch: 16, Seed: 4}, false, ""},
	"dropout":        {nn.CategoricalCrossEntropy, 0.3, Config{Epochs: 3, Batch: 16, Seed: 5}, false, ""},
	"momentum":       {nn.MeanSquaredError, 0.1, Config{Epochs: 3, Batch: 16, Optimizer: optim.Config{Kind: optim.KindSGD, Momentum: 0.9}}, true, ""},
	"plain sgd":      {nn.BinaryCrossEntropy, 0, Config{Epochs: 3, Batch: 16, KeepOrder: true, Optimizer: optim.Config{Kind: optim.KindSGD}}, false, ""},
	"early stopping": {nn.BinaryCrossEntropy, 0.2, Config{Epochs: 30, Batch: 16, LearningRate: 0.3, Patience: 3, RestoreBest: true}, false, ""},
	"max steps":      {nn.BinaryCrossEntropy, 0, Config{Epochs: 3, Batch: 16, MaxSteps: 17, RestoreBest: true}, true, ""},
	"adamw": {nn.CategoricalCrossEntropy, 0.3, Config{
		Epochs: 4, Batch: 16, ClassWeights: []float64{1, 2.5}, Loss: nn.LossOptions{Smoothing: 0.1}, Average: Average{Kind: SWA, Start: 0.5},
		Optimizer: optim.Config{Kind: optim.KindAdamW, ClipNorm: 0.5, Groups: []optim.Group{{Match: "*.bias", Rate: 2, Decay: new(float64)}}},
		Schedule:  optim.Schedule{Kind: optim.OneCycle}, DecaySchedule: flat, DropoutSchedule: flat,
	}, true, nn.NormBatch},
	"rmsprop": {nn.BinaryFocal, 0.1, Config{
		Epochs: 8, Batch: 16, Patience: 2, RestoreBest: true, LearningRate: 0.05, Average: Average{Kind: EMA, Momentum: 0.6},
		Optimizer: optim.Config{Kind: optim.KindRMSProp, Momentum: 0.5, ClipValue: 0.01},
		Schedule:  optim.Schedule{Kind: optim.Cosine, Warmup: 0.2}, ClassWeights: []float64{0.5, 1},
	}, false, nn.NormLayer},
	"nesterov": {nn.Huber, 0, Config{
		Epochs: 3, Batch: 16, MaxSteps: 19, Average: Average{Kind: SWA, Start: 0.3, Every: 3}, Loss: nn.LossOptions{Delta: 0.3},
		Optimizer: optim.Config{Kind: optim.KindSGD, Momentum: 0.9, Nesterov: true, Decay: 0.1},
		Schedule:  optim.Schedule{Kind: optim.Step, Every: 1, Drop: 0.5},
	}, true, nn.NormBatch},
	"multi cycle": {nn.MeanAbsoluteError, 0.1, Config{
		Epochs: 3, Batch: 16, Average: Average{Kind: EMA}, Schedule: optim.Schedule{Kind: optim.MultiCycle}, RestoreBest: true,
	}, false, nn.NormBatch},
}

var flat = optim.Schedule{Kind: optim.FlatCosine}

const cutRows = 100 // 7 steps an epoch, the last of 4 rows

func (s setting) trainer(t testing.TB, every uint64, h Hooks) (*Trainer, *nn.Network) {
	t.Helper()
	outputs := 1
	if s.loss.Classes() {
		outputs = 2
	}
	config := nn.MLP{Inputs: 2, Hidden: []int{16, 8}, Outputs: outputs, Activation: nn.ReLU, Dropout: s.dropout, Loss: s.loss, Norm: s.norm}
	n, err := nn.NewMLP(config, 3)
	if err != nil {
		t.Fatal(err)
	}
	train, validation := ring(cutRows, 1), ring(37, 2)
	if s.weights {
		train.Weights = make([]float32, cutRows)
		for i := range train.Weights {
			train.Weights[i] = float32(i%3) / 2
		}
	}
	c := s.config
	c.CheckpointEvery = every
	trainer, err := New(n, train, &validation, c, h)
	if err != nil {
		t.Fatal(err)
	}
	return trainer, n
}

// encoded returns the bytes of a checkpoint.
func encoded(t testing.TB, c *Checkpoint) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := c.Encode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A run that is cut after any step and continued, in a new process as it were, must end with the
// same weights and the same history as one that is not.
func TestResumeAtEveryStep(t *testing.T) {
	for name, s := range settings {
		t.Run(name, func(t *testing.T) {
			var cuts [][]byte
			whole, _ := s.trainer(t, 1, Hooks{Clock: fakeClock(), Checkpoint: func(c *Checkpoint) error {
				cuts = append(cuts, encoded(t, c))
				return nil
			}})
			want, err := whole.Run(context.Background())
			if err != nil || uint64(len(cuts)) != want.Steps {
				t.Fatalf("%d checkpoints of %d steps, %v", len(cuts), want.Steps, err)
			}
			for i, cut := range cuts {
				got := s.resume(t, cut)
				got.Seconds = want.Seconds
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("cut after step %d: got %+v\nwant %+v", i+1, got, want)
				}
			}
		})
	}
}

// resume runs to the end from an encoded checkpoint.
func (s setting) resume(t *testing.T, cut []byte) Result {
	t.Helper()
	c, err := DecodeCheckpoint(bytes.NewReader(cut), safetensors.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	trainer, _ := s.trainer(t, 0, Hooks{Clock: fakeClock()})
	if err := trainer.Resume(c); err != nil {
		t.Fatal(err)
	}
	result, err := trainer.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// The settings above must do what they are named for.
func TestSettingsAreNotTrivial(t *testing.T) {
	early, _ := settings["early stopping"].trainer(t, 0, Hooks{})
	result, err := early.Run(context.Background())
	if err != nil || !result.StoppedEarly || result.BestEpoch != len(result.Epochs)-3 || len(result.Epochs) == 30 {
		t.Errorf("%+v, %v", result, err)
	}
	short, _ := settings["max steps"].trainer(t, 0, Hooks{})
	if result, err = short.Run(context.Background()); err != nil || result.Steps != 17 || len(result.Epochs) != 3 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	trainer, _ := settings["early stopping"].trainer(t, 0, Hooks{Clock: fakeClock()})
	if _, err := trainer.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	c := trainer.Checkpoint()
	first := encoded(t, c)
	again, err := DecodeCheckpoint(bytes.NewReader(first), safetensors.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, again), first) {
		t.Error("decoding and encoding changes the bytes")
	}
	if again.Step() != c.Step() || again.Fingerprint() != trainer.Fingerprint() {
		t.Errorf("step %d, fingerprint %s", again.Step(), again.Fingerprint())
	}
}

func TestCheckpointIsACopy(t *testing.T) {
	s := settings["adam"]
	var first *Checkpoint
	var then []byte
	trainer, _ := s.trainer(t, 5, Hooks{Checkpoint: func(c *Checkpoint) error {
		if first == nil {
			first, then = c, encoded(t, c)
		}
		return nil
	}})
	if _, err := trainer.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, first), then) {
		t.Error("training changed a checkpoint that was taken before")
	}
}

// Every flipped bit of a checkpoint must be noticed.
func TestDecodeNoticesDamage(t *testing.T) {
	trainer, _ := setting{nn.BinaryCrossEntropy, 0, Config{}, false, ""}.trainer(t, 0, Hooks{})
	data := encoded(t, trainer.Checkpoint())
	for i := range data {
		data[i] ^= 1
		if c, err := DecodeCheckpoint(bytes.NewReader(data), safetensors.Limits{}); err == nil {
			t.Fatalf("byte %d of %d flipped: got step %d", i, len(data), c.Step())
		}
		data[i] ^= 1
	}
	for _, n := range []int{0, 7, 8, 100, len(data) - 1} {
		if _, err := DecodeCheckpoint(bytes.NewReader(data[:n]), safetensors.Limits{}); err == nil {
			t.Errorf("cut to %d bytes: no error", n)
		}
	}
	if _, err := DecodeCheckpoint(bytes.NewReader(data), safetensors.Limits{Total: int64(len(data) - 1)}); err == nil {
		t.Error("the limit does not hold")
	}
}

// forged returns a checkpoint with a right checksum over an edited header.
func forged(t *testing.T, header string) []byte {
	t.Helper()
	c := &Checkpoint{}
	var out bytes.Buffer
	metadata := map[string]string{headerKey: header, checksumKey: c.checksum(header)}
	if err := safetensors.Write(&out, nil, metadata); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDecodeRefuses(t *testing.T) {
	var plain bytes.Buffer
	if err := safetensors.Write(&plain, nil, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	for want, data := range map[string][]byte{
		"not a checkpoint":   plain.Bytes(),
		"version 2, want 1":  forged(t, `{"version":2}`),
		"version 0, want 1":  forged(t, `{}`),
		"unknown field":      forged(t, `{"version":1,"x":1}`),
		"unexpected EOF":     forged(t, `{"version":1`),
		"cannot unmarshal":   forged(t, `{"version":1,"progress":{"step":-1}}`),
		"number 1e999":       forged(t, `{"version":1,"progress":{"loss_sum":1e999}}`),
		"more after the end": forged(t, `{"version":1}{}`),
	} {
		_, err := DecodeCheckpoint(bytes.NewReader(data), safetensors.Limits{})
		var e *CheckpointError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestResumeRefuses(t *testing.T) {
	s := settings["early stopping"]
	for name, c := range map[string]struct {
		edit func(c *Checkpoint)
		want string
	}{
		"other run":       {func(c *Checkpoint) { c.header.Fingerprint = "0" }, "belongs to run 0"},
		"too far":         {func(c *Checkpoint) { c.header.Progress.Step = 1 << 40 }, "cannot be"},
		"no history":      {func(c *Checkpoint) { c.header.Progress.Step = 70 }, "with 0 epochs done"},
		"history":         {func(c *Checkpoint) { c.header.Progress.Epochs = make([]Epoch, 1) }, "with 1 epochs done"},
		"best":            {func(c *Checkpoint) { c.header.Progress.BestEpoch = 2 }, "best epoch 2"},
		"negative best":   {func(c *Checkpoint) { c.header.Progress.BestEpoch = -1 }, "best epoch -1"},
		"negative wait":   {func(c *Checkpoint) { c.header.Progress.Wait = -1 }, "wait -1"},
		"many rows":       {func(c *Checkpoint) { c.header.Progress.LossRows = 101 }, "101 rows"},
		"missing tensor":  {func(c *Checkpoint) { c.file.Tensors = c.file.Tensors[1:] }, "best/dense_0.bias is missing"},
		"other shape":     {func(c *Checkpoint) { c.file.Tensors[0].Shape = []int{16, 1} }, "not of shape [16]"},
		"other dtype":     {func(c *Checkpoint) { c.file.Tensors[0].DType = safetensors.I32 }, "best/dense_0.bias is missing"},
		"missing slot":    {func(c *Checkpoint) { drop(c, "optimizer/m/dense_1.weight") }, "optimizer/m/dense_1.weight is missing"},
		"missing weights": {func(c *Checkpoint) { drop(c, "weight/dense_2.bias") }, "weight/dense_2.bias is missing"},
	} {
		trainer, n := s.trainer(t, 0, Hooks{})
		checkpoint, before := trainer.Checkpoint(), n.Digest()
		n.Parameters()[0].Value.Data[0]++
		changed := n.Digest()
		c.edit(checkpoint)
		err := trainer.Resume(checkpoint)
		var e *CheckpointError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if n.Digest() != changed || changed == before {
			t.Errorf("%s: the weights were changed", name)
		}
	}
}

func drop(c *Checkpoint, name string) {
	c.file.Tensors = slices.DeleteFunc(c.file.Tensors, func(t safetensors.Tensor) bool { return t.Name == name })
}

// All that the result depends on must be in the fingerprint, and nothing else.
func TestFingerprint(t *testing.T) {
	base := setting{nn.BinaryCrossEntropy, 0, Config{Epochs: 3}, false, ""}
	print := func(s setting) string {
		trainer, _ := s.trainer(t, 0, Hooks{})
		return trainer.Fingerprint()
	}
	start := print(base)
	for name, edit := range map[string]func(s *setting){
		"loss":      func(s *setting) { s.loss = nn.MeanSquaredError },
		"dropout":   func(s *setting) { s.dropout = 0.1 },
		"weights":   func(s *setting) { s.weights = true },
		"epochs":    func(s *setting) { s.config.Epochs = 4 },
		"batch":     func(s *setting) { s.config.Batch = 33 },
		"seed":      func(s *setting) { s.config.Seed = 1 },
		"order":     func(s *setting) { s.config.KeepOrder = true },
		"sgd":       func(s *setting) { s.config.Optimizer.Kind = optim.KindSGD },
		"beta":      func(s *setting) { s.config.Optimizer.Beta1 = 0.8 },
		"rate":      func(s *setting) { s.config.LearningRate = 0.002 },
		"steps":     func(s *setting) { s.config.MaxSteps = 2 },
		"patience":  func(s *setting) { s.config.Patience = 2 },
		"delta":     func(s *setting) { s.config.MinDelta = 0.1 },
		"restore":   func(s *setting) { s.config.RestoreBest = true },
		"data":      func(s *setting) { s.config.DataDigest = "a" },
		"norm":      func(s *setting) { s.norm = nn.NormBatch },
		"smoothing": func(s *setting) { s.config.Loss.Smoothing = 0.1 },
		"classes":   func(s *setting) { s.config.ClassWeights = []float64{1, 1} },
		"average":   func(s *setting) { s.config.Average.Kind = EMA },
		"schedule":  func(s *setting) { s.config.Schedule.Kind = optim.Cosine },
		"decay":     func(s *setting) { s.config.DecaySchedule.Kind = optim.Cosine },
		"fade":      func(s *setting) { s.config.DropoutSchedule.Kind = optim.Cosine },
		"groups":    func(s *setting) { s.config.Optimizer.Groups = []optim.Group{{Match: "*", Rate: 2}} },
	} {
		s := base
		edit(&s)
		if print(s) == start {
			t.Errorf("%s is not in the fingerprint", name)
		}
	}
	s := base
	s.config.ReportEvery, s.config.Batch, s.config.LearningRate, s.config.Threads = 7, 32, 0.001, 3
	if print(s) != start {
		t.Error("defaults or reports change the fingerprint")
	}
}

func TestCheckpointHookStops(t *testing.T) {
	full := errors.New("disk full")
	trainer, _ := settings["adam"].trainer(t, 5, Hooks{Checkpoint: func(*Checkpoint) error { return full }})
	result, err := trainer.Run(context.Background())
	if !errors.Is(err, full) || result.Steps != 5 || !strings.Contains(err.Error(), "step 5") {
		t.Errorf("steps %d, %v", result.Steps, err)
	}
}

// FuzzDecodeCheckpoint checks that nothing panics, in decoding or in resuming.
func FuzzDecodeCheckpoint(f *testing.F) {
	s := setting{nn.BinaryCrossEntropy, 0, Config{}, false, ""}
	trainer, _ := s.trainer(f, 0, Hooks{})
	f.Add(encoded(f, trainer.Checkpoint()), `{"version":1}`)
	f.Fuzz(func(t *testing.T, data []byte, header string) {
		limits := safetensors.Limits{Header: 1 << 16, Total: 1 << 20, Tensors: 64}
		c, err := DecodeCheckpoint(bytes.NewReader(data), limits)
		if err != nil { // the checksum stops most: go on with a right one
			c = trainer.Checkpoint()
			if decodeHeader(header, &c.header) != nil {
				return
			}
			c.header.Fingerprint = trainer.Fingerprint()
		}
		if trainer.Resume(c) == nil {
			if err := trainer.Checkpoint().Encode(io.Discard); err != nil {
				t.Error(fmt.Sprint(err))
			}
		}
	})
}
