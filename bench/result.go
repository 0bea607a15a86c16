package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// result is one benchmark as it is stored: all that the report needs.
type result struct {
	Name     string                        `json:"name"`
	Title    string                        `json:"title"`
	About    string                        `json:"about"` // what was done, Markdown
	Time     time.Time                     `json:"time"`
	Commit   string                        `json:"commit"`
	Machine  machine                       `json:"machine"`
	Versions map[string]string             `json:"versions"`
	Figures  []figure                      `json:"figures"`  // the columns of the table
	Subjects []string                      `json:"subjects"` // its rows; the first is lathe
	Runs     []measurement                 `json:"runs"`
	Medians  map[string]map[string]float64 `json:"medians"` // by subject and figure
	Claims   []claim                       `json:"claims"`
}

// figure is one thing that is measured.
type figure struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Digits int    `json:"digits"` // behind the point, in the table
	Better string `json:"better"` // "lower", "higher", or "" for what is not compared
}

// measurement is what one run of one subject gave.
type measurement struct {
	Subject string             `json:"subject"`
	Round   int                `json:"round"`
	Seed    uint64             `json:"seed"`
	Figures map[string]float64 `json:"figures"`
}

// claim is a bound that must hold.
type claim struct {
	Text  string  `json:"text"`
	Value float64 `json:"value"`
	Bound float64 `json:"bound"`
	Sense string  `json:"sense"` // "at least" or "at most"
	Holds bool    `json:"holds"`
}

const (
	atLeast = "at least"
	atMost  = "at most"
	lower   = "lower"
	higher  = "higher"
)

func (r *result) add(subject string, round int, seed uint64, figures map[string]float64) {
	r.Runs = append(r.Runs, measurement{subject, round, seed, figures})
	if !slices.Contains(r.Subjects, subject) {
		r.Subjects = append(r.Subjects, subject)
	}
	r.medians()
}

func (r *result) claim(text, sense string, value, bound float64) {
	holds := sense == atLeast && value >= bound || sense == atMost && value <= bound
	r.Claims = append(r.Claims, claim{text, value, bound, sense, holds})
}

// medians of every figure of every subject, over the runs that have it.
func (r *result) medians() {
	values := map[string]map[string][]float64{}
	for _, m := range r.Runs {
		if values[m.Subject] == nil {
			values[m.Subject] = map[string][]float64{}
		}
		for name, v := range m.Figures {
			values[m.Subject][name] = append(values[m.Subject][name], v)
		}
	}
	r.Medians = map[string]map[string]float64{}
	for subject, figures := range values {
		r.Medians[subject] = map[string]float64{}
		for name, list := range figures {
			r.Medians[subject][name] = median(list)
		}
	}
}

// of is a median, NaN where there is none, so that no claim on it holds.
func (r *result) of(subject, figure string) float64 {
	if v, ok := r.Medians[subject][figure]; ok {
		return v
	}
	return math.NaN()
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	if n == 0 {
		return math.NaN()
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// missed names the claims that do not hold.
func (r *result) missed() error {
	var errs []error
	for _, c := range r.Claims {
		if !c.Holds {
			errs = append(errs, fmt.Errorf("%s: %.4g, want %s %g", c.Text, c.Value, c.Sense, c.Bound))
		}
	}
	return errors.Join(errs...)
}

func (r *result) write(path string) error {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

func readResult(path string) (*result, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	r := &result{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("result: %s: %w", path, err)
	}
	return r, nil
}
