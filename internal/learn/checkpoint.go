package learn

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"lathe/internal/format/safetensors"
	"lathe/internal/nn"
)

// Checkpoint is all that a run needs to continue as if it had not been cut: weights, optimiser
// state, the place in the epoch, loss accumulators, and early stopping's state. Random numbers need
// nothing: they are functions of seed and step. It holds copies, so training may go on meanwhile.
type Checkpoint struct {
	header checkpointHeader
	file   safetensors.File
}

// checkpointHeader is the part of a checkpoint that is JSON.
type checkpointHeader struct {
	Version     int      `json:"version"`
	Fingerprint string   `json:"fingerprint"`
	Progress    progress `json:"progress"`
}

const checkpointVersion = 1

// CheckpointError says why a checkpoint cannot be read or does not belong to a run.
type CheckpointError struct{ Reason string }

// Error gives the reason.
func (e *CheckpointError) Error() string { return "learn: checkpoint: " + e.Reason }

func badCheckpoint(format string, args ...any) error {
	return &CheckpointError{Reason: fmt.Sprintf(format, args...)}
}

// Step is the number of steps done.
func (c *Checkpoint) Step() uint64 { return c.header.Progress.Step }

// Fingerprint names the configuration, network and data that the checkpoint belongs to.
func (c *Checkpoint) Fingerprint() string { return c.header.Fingerprint }

// Checkpoint returns the run's state between two steps.
func (t *Trainer) Checkpoint() *Checkpoint {
	c := &Checkpoint{header: checkpointHeader{Version: checkpointVersion, Fingerprint: t.Fingerprint(), Progress: t.progress}}
	c.header.Progress.Epochs = slices.Clone(t.progress.Epochs)
	c.header.Progress.Seconds = t.seconds()
	for _, part := range t.parts() {
		c.file.Tensors = append(c.file.Tensors, safetensors.FromFloat32(part.name, part.shape, part.values))
	}
	c.file.Sort()
	return c
}

// part is one tensor of a checkpoint, with the run's live values.
type part struct {
	name   string
	shape  []int
	values []float32
}

func (t *Trainer) parts() (parts []part) {
	for i, p := range tensors(t.network) {
		kind := "weight/"
		if i >= len(t.network.Parameters()) {
			kind = "state/"
		}
		parts = append(parts, part{kind + p.Name, p.Value.Shape, p.Value.Data})
		if t.best != nil {
			parts = append(parts, part{"best/" + p.Name, p.Value.Shape, t.best.values[i]})
		}
		if t.average != nil {
			parts = append(parts, part{"average/" + p.Name, p.Value.Shape, t.average.values[i].Data})
		}
	}
	for _, s := range t.optimizer.Slots() {
		parts = append(parts, part{"optimizer/" + s.Name, s.Value.Shape, s.Value.Data})
	}
	return parts
}

// Resume sets the run to a checkpoint. It returns *CheckpointError and changes nothing where the
// checkpoint belongs to another configuration, network or data, or contradicts itself.
func (t *Trainer) Resume(c *Checkpoint) error {
	if have := t.Fingerprint(); c.header.Fingerprint != have {
		return badCheckpoint("it belongs to run %.12s, this is run %.12s", c.header.Fingerprint, have)
	}
	if err := t.checkProgress(&c.header.Progress); err != nil {
		return err
	}
	parts := t.parts()
	values := make([][]float32, len(parts))
	for i, part := range parts {
		var err error
		if values[i], err = c.values(part); err != nil {
			return err
		}
	}
	for i, part := range parts {
		copy(part.values, values[i])
	}
	t.progress = c.header.Progress
	t.progress.Epochs = slices.Clone(t.progress.Epochs)
	t.optimizer.SetSteps(t.progress.Step)
	return nil
}

// checkProgress refuses a place that no run of this configuration can be at.
func (t *Trainer) checkProgress(p *progress) error {
	ended := p.Step / t.perEpoch
	if p.Step == t.total {
		ended = (p.Step + t.perEpoch - 1) / t.perEpoch
	}
	switch {
	case p.Step > t.total || uint64(len(p.Epochs)) != ended:
		return badCheckpoint("step %d of %d with %d epochs done cannot be", p.Step, t.total, len(p.Epochs))
	case p.BestEpoch < 0 || p.BestEpoch > len(p.Epochs) || p.Wait < 0 || p.LossRows > uint64(t.train.Rows):
		return badCheckpoint("best epoch %d, wait %d, %d rows cannot be", p.BestEpoch, p.Wait, p.LossRows)
	}
	return nil
}

func (c *Checkpoint) values(p part) ([]float32, error) {
	tensor, ok := c.file.Find(p.name)
	if !ok || tensor.DType != safetensors.F32 || !slices.Equal(tensor.Shape, p.shape) {
		return nil, badCheckpoint("%s is missing or not of shape %v", p.name, p.shape)
	}
	return tensor.Float32()
}

// Fingerprint is a SHA-256 over what the result depends on: configuration, network and the data's
// digest and size.
func (t *Trainer) Fingerprint() string {
	type shape struct {
		Name  string
		Shape []int
	}
	var layout []shape
	for _, p := range t.network.Parameters() {
		layout = append(layout, shape{p.Name, p.Value.Shape})
	}
	model, isMLP := t.network.Config()
	layers := ""
	if !isMLP {
		var err error
		if layers, err = t.network.Describe(); err != nil {
			layers = err.Error() // a layer of another package: its parameters' names and shapes must do
		}
	}
	validation := 0
	if t.validation != nil {
		validation = t.validation.Rows
	}
	text, err := json.Marshal(struct {
		Version          int
		Config           Config
		Loss             nn.Loss
		Model            nn.MLP
		Layout           []shape
		Rows, Validation int
		Weighted         bool
		Data             string
		Layers           string `json:",omitempty"`
	}{
		checkpointVersion, t.config, t.network.Loss(), model, layout,
		t.train.Rows, validation, t.train.Weights != nil, t.config.DataDigest, layers,
	})
	if err != nil {
		panic(fmt.Sprintf("learn: fingerprint: %v", err)) // numbers were checked to be finite
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
