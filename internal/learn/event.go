package learn

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// EventKind says what an event reports.
type EventKind string

// The kinds of events.
const (
	EventStep  EventKind = "step"  // every ReportEvery steps
	EventEpoch EventKind = "epoch" // after each epoch and its validation
)

// Event reports progress. Loss is the mean over the rows of the epoch so far. ValidationLoss and
// Metrics are those of an epoch event; ValidationLoss is nil without validation data.
type Event struct {
	Kind           EventKind `json:"kind"`
	Step           uint64    `json:"step"`  // steps done
	Steps          uint64    `json:"steps"` // steps that the run will make unless it stops early
	Epoch          int       `json:"epoch"` // epochs begun, from 1
	Epochs         int       `json:"epochs"`
	Loss           float64   `json:"loss"`
	ValidationLoss *float64  `json:"validation_loss,omitempty"`
	Metrics        []Metric  `json:"metrics,omitempty"`
	Seconds        float64   `json:"seconds"` // since the run began, earlier parts included
}

// Metric is a named number. One that is not finite is written to JSON as null, and read as NaN.
type Metric struct {
	Name  string
	Value float64
}

type metricJSON struct {
	Name  string   `json:"name"`
	Value *float64 `json:"value"`
}

// MarshalJSON writes {"name", "value"}.
func (m Metric) MarshalJSON() ([]byte, error) {
	out := metricJSON{Name: m.Name}
	if !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0) {
		out.Value = &m.Value
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Metric) UnmarshalJSON(data []byte) error {
	var in metricJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	m.Name, m.Value = in.Name, math.NaN()
	if in.Value != nil {
		m.Value = *in.Value
	}
	return nil
}

// Hooks are the caller's ears. Each may be nil, and is called on the goroutine of Run.
type Hooks struct {
	Event      func(Event)
	Checkpoint func(*Checkpoint) error            // an error stops the run
	Score      func(predicted []float32) []Metric // of the validation rows' predictions [rows Outputs], after each epoch
	Clock      func() time.Time                   // nil: time.Now
}

// Epoch is what an epoch came to.
type Epoch struct {
	Loss           float64  `json:"loss"`
	ValidationLoss *float64 `json:"validation_loss,omitempty"`
	Metrics        []Metric `json:"metrics,omitempty"`
}

// Result is what a run came to.
type Result struct {
	Steps        uint64  // steps done in all
	Epochs       []Epoch // one for each epoch done, the last one perhaps in part
	BestEpoch    int     // of the lowest validation loss, from 1; 0 without one
	StoppedEarly bool    // patience ran out
	Digest       string  // of the network's weights
	Seconds      float64
}

// DivergedError stops a run whose loss or weights are not finite. The weights are those before
// the step that failed, or those of the epoch that ended with a bad weight.
type DivergedError struct {
	Step  uint64 // from 1
	Epoch int    // from 1
	Loss  float64
	What  string // "loss", "validation loss" or the parameter's name
}

// Error says where it happened.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("learn: %s is not finite at step %d, epoch %d: loss %v", e.What, e.Step, e.Epoch, e.Loss)
}
