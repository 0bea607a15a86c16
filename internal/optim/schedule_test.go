package optim

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"
)

func TestSchedules(t *testing.T) {
	text, err := os.ReadFile("testdata/schedule.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Schedule Schedule
		Steps    uint64
		PerEpoch uint64 `json:"per_epoch"`
		At       []uint64
		Factors  []float64
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 20 {
		t.Fatalf("%d cases, want 20", len(cases))
	}
	for _, c := range cases {
		s, err := c.Schedule.WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range c.At {
			if got := s.Factor(at, c.Steps, c.PerEpoch); !(math.Abs(got-c.Factors[i]) <= 1e-13) {
				t.Errorf("%+v at %d of %d: %v, want %v", c.Schedule, at, c.Steps, got, c.Factors[i])
			}
		}
	}
}

// RealMLP is judged where its rate is 0, and only there.
func TestMultiCycleReachesZero(t *testing.T) {
	s := Schedule{Kind: MultiCycle}
	for step := range uint64(150) {
		zero := step == 0 || step == 10 || step == 30 || step == 70
		if got := s.Factor(step, 150, 10); (got == 0) != zero {
			t.Errorf("step %d: %v", step, got)
		}
	}
	if got := s.Factor(150, 150, 10); got != 0 {
		t.Errorf("at the end: %v", got)
	}
}

// Every schedule stays between 0 and 1 in runs of any length.
func TestScheduleRange(t *testing.T) {
	for _, kind := range []ScheduleKind{"", Constant, Step, Cosine, OneCycle, MultiCycle, FlatCosine} {
		for _, warmup := range []float64{0, 0.1, 0.99} {
			s, err := Schedule{Kind: kind, Warmup: warmup}.WithDefaults()
			if err != nil {
				t.Fatal(err)
			}
			for steps := uint64(1); steps < 40; steps++ {
				for step := range steps {
					if got := s.Factor(step, steps, 3); !(got >= 0 && got <= 1) {
						t.Fatalf("%+v at %d of %d: %v", s, step, steps, got)
					}
				}
			}
		}
	}
}

func TestExactFunctions(t *testing.T) {
	for i := range 4001 {
		x := float64(i) / 1000
		if got, want := cosPi(x), math.Cos(math.Pi*x); math.Abs(got-want) > 2e-15 {
			t.Errorf("cos(pi %v) is %v, want %v", x, got, want)
		}
		y := math.Exp2(8*x - 16)
		if got, want := log2(y), math.Log2(y); math.Abs(got-want) > 4e-15*max(1, math.Abs(want)) {
			t.Errorf("log2 %v is %v, want %v", y, got, want)
		}
	}
	for i, want := range []float64{1, 0, -1, 0, 1} {
		if got := cosPi(float64(i) / 2); got != want {
			t.Errorf("cos(pi %d/2) is %v", i, got)
		}
	}
	for e := -20; e < 20; e++ {
		if got := log2(math.Ldexp(1, e)); got != float64(e) {
			t.Errorf("log2 2^%d is %v", e, got)
		}
	}
}

func TestScheduleErrors(t *testing.T) {
	nan := math.NaN()
	for field, s := range map[string]Schedule{
		"schedule": {Kind: "linear"}, "schedule warmup": {Warmup: 1}, "schedule every": {Kind: Step, Every: -1},
		"schedule drop": {Kind: Step, Drop: nan}, "schedule floor": {Kind: Cosine, Floor: 2},
	} {
		_, err := s.WithDefaults()
		var e *ConfigError
		if !errors.As(err, &e) || e.Field != field {
			t.Errorf("%+v: got %v", s, err)
		}
	}
}
