// Package learn runs training: batches, epochs, validation, early stopping, checkpoints.
//
// Training is a pure function of the data, the network's first weights and Config. A run that is
// cut at any step and continued from a checkpoint ends with the same weights, to the bit.
package learn

import (
	"fmt"
	"math"
	"runtime"

	"lathe/internal/nn"
	"lathe/internal/optim"
)

// Config says how to learn. Zero fields take the defaults of Keras's fit where it has one.
type Config struct {
	Epochs       int          `json:"epochs"`        // passes over the rows; default 1
	Batch        int          `json:"batch"`         // rows a step; default 32. The last batch of an epoch may be smaller
	Seed         uint64       `json:"seed"`          // of shuffling and dropout
	KeepOrder    bool         `json:"keep_order"`    // do not shuffle the rows before each epoch
	Optimizer    optim.Config `json:"optimizer"`     // default Adam
	LearningRate float64      `json:"learning_rate"` // default 0.001, 0.01 for SGD
	MaxSteps     uint64       `json:"max_steps"`     // stop there, also within an epoch; 0: after Epochs
	Patience     int          `json:"patience"`      // stop after so many epochs without a better validation loss; 0: never
	MinDelta     float64      `json:"min_delta"`     // what a validation loss must fall by to be better
	RestoreBest  bool         `json:"restore_best"`  // end with the weights of the best validation loss

	Loss         nn.LossOptions `json:"loss,omitzero"`           // of training; validation leaves smoothing out
	ClassWeights []float64      `json:"class_weights,omitempty"` // how much each class counts in training; none: alike
	Average      Average        `json:"average,omitzero"`        // of weights over steps

	// The schedules run over Epochs, wherever MaxSteps ends.

	Schedule        optim.Schedule `json:"schedule,omitzero"`         // of the learning rate
	DecaySchedule   optim.Schedule `json:"decay_schedule,omitzero"`   // of the weight decay, which is also proportional to the rate
	DropoutSchedule optim.Schedule `json:"dropout_schedule,omitzero"` // of the rates of dropout

	// What follows has no part in the result.

	CheckpointEvery uint64 `json:"-"` // steps between checkpoints; 0: none
	ReportEvery     uint64 `json:"-"` // steps between events; default 100
	Threads         int    `json:"-"` // cores that large products may take; default GOMAXPROCS
	DataDigest      string `json:"-"` // the rows' digest; a checkpoint of other data is then refused
}

// ConfigError says which setting, or which part of the data, cannot be.
type ConfigError struct {
	Field  string
	Value  any
	Reason string
}

// Error names the field, its value and the reason.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("learn: %s %v %s", e.Field, e.Value, e.Reason)
}

const (
	maxBatch  = 1 << 20 // rows; a step of them is far past where larger batches are faster
	maxEpochs = 1 << 20
)

// withDefaults fills in defaults and checks the settings that do not depend on data.
func (c Config) withDefaults() (Config, error) {
	optimizer, err := c.Optimizer.WithDefaults()
	if err != nil {
		return c, err
	}
	c.Optimizer = optimizer
	c.Epochs, c.Batch = orInt(c.Epochs, 1), orInt(c.Batch, 32)
	if c.ReportEvery == 0 {
		c.ReportEvery = 100
	}
	c.LearningRate = orFloat(c.LearningRate, optimizer.Kind.Rate())
	c.Threads = orInt(c.Threads, runtime.GOMAXPROCS(0))
	if c.Average, err = c.Average.withDefaults(); err != nil {
		return c, err
	}
	for _, s := range []*optim.Schedule{&c.Schedule, &c.DecaySchedule, &c.DropoutSchedule} {
		if *s, err = s.WithDefaults(); err != nil {
			return c, err
		}
	}
	return c, c.check()
}

func orInt(value, fallback int) int {
	if value == 0 {
		return fallback
	}
	return value
}

func (c Config) check() error {
	switch {
	case c.Epochs < 1 || c.Epochs > maxEpochs:
		return &ConfigError{Field: "epochs", Value: c.Epochs, Reason: "must be from 1 to 1048576"}
	case c.Batch < 1 || c.Batch > maxBatch:
		return &ConfigError{Field: "batch", Value: c.Batch, Reason: "must be from 1 to 1048576"}
	case !(c.LearningRate > 0 && c.LearningRate <= 1e6):
		return &ConfigError{Field: "learning rate", Value: c.LearningRate, Reason: "must be above 0 and at most 1e6"}
	case c.Threads < 1:
		return &ConfigError{Field: "threads", Value: c.Threads, Reason: "must not be negative"}
	case c.Patience < 0:
		return &ConfigError{Field: "patience", Value: c.Patience, Reason: "must not be negative"}
	case !(c.MinDelta >= 0) || math.IsInf(c.MinDelta, 0):
		return &ConfigError{Field: "min delta", Value: c.MinDelta, Reason: "must be a finite number, not negative"}
	}
	return nil
}

// usesBest reports whether the best weights are kept.
func (c Config) usesBest() bool { return c.Patience > 0 || c.RestoreBest }
