package optim

// Schedule says how the learning rate moves over a run. Its zero value keeps the rate.
type Schedule struct {
	Kind ScheduleKind `json:"kind,omitempty"` // default constant
	// Warmup is the share of the run, in [0, 1), over which the rate first grows in a straight line;
	// the schedule takes what is left. For OneCycle it is the share of its rise, default 0.3.
	Warmup float64 `json:"warmup,omitempty"`
	Every  int     `json:"every,omitempty"` // Step: epochs between drops, default 10
	Drop   float64 `json:"drop,omitempty"`  // Step: what the rate is multiplied by, default 0.1
	Floor  float64 `json:"floor,omitempty"` // Cosine: the last rate as a share of the first, default 0
}

// ScheduleKind names a schedule.
type ScheduleKind string

// The schedules.
const (
	// Constant keeps the rate.
	Constant ScheduleKind = "constant"
	// Step multiplies the rate by Drop after every Every epochs.
	Step ScheduleKind = "step"
	// Cosine goes down half a cosine to Floor.
	// Source: Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts.
	Cosine ScheduleKind = "cosine"
	// OneCycle rises from 1/25 of the rate to the rate over Warmup and then falls to 1/250,000 of it,
	// each along half a cosine, as PyTorch's OneCycleLR does.
	// Source: Smith and Topin 2018, arXiv:1708.07120.
	OneCycle ScheduleKind = "one_cycle"
	// MultiCycle is 1/2 (1 - cos(2 pi log2(1 + 15 t))), which is 0 at t = 0, 1/15, 3/15, 7/15 and 1.
	// Source: Holzmüller et al. 2024, "Better by Default" (RealMLP), arXiv:2407.04491.
	MultiCycle ScheduleKind = "multi_cycle"
	// FlatCosine is 1 for the first half of the run and then goes down half a cosine to 0. Source: as
	// MultiCycle, which uses it for weight decay and dropout.
	FlatCosine ScheduleKind = "flat_cosine"
)

// The first and the last rate of one cycle as shares of its highest: PyTorch's div_factor 25, and
// that times its final_div_factor 1e4.
const (
	cycleStart = 1 / 25.0
	cycleEnd   = cycleStart / 1e4
)

// WithDefaults returns the schedule with defaults filled in, or *ConfigError.
func (s Schedule) WithDefaults() (Schedule, error) {
	switch s.Kind {
	case "", Constant, Cosine, MultiCycle, FlatCosine:
	case Step:
		s.Drop = either(s.Drop, 0.1)
		if s.Every == 0 {
			s.Every = 10
		}
	case OneCycle:
		s.Warmup = either(s.Warmup, 0.3)
	default:
		return s, &ConfigError{
			Field: "schedule", Value: string(s.Kind),
			Reason: "must be constant, step, cosine, one_cycle, multi_cycle or flat_cosine",
		}
	}
	return s, s.check()
}

func (s Schedule) check() error {
	switch {
	case !(s.Warmup >= 0 && s.Warmup < 1):
		return &ConfigError{Field: "schedule warmup", Value: s.Warmup, Reason: "must be at least 0 and below 1"}
	case s.Every < 0:
		return &ConfigError{Field: "schedule every", Value: s.Every, Reason: "must not be negative"}
	case !(s.Drop >= 0 && s.Drop <= 1):
		return &ConfigError{Field: "schedule drop", Value: s.Drop, Reason: "must be from 0 to 1"}
	case !(s.Floor >= 0 && s.Floor <= 1):
		return &ConfigError{Field: "schedule floor", Value: s.Floor, Reason: "must be from 0 to 1"}
	}
	return nil
}

// Factor is what the learning rate is multiplied by at a step, from 0 to steps-1, of a run of steps
// with perEpoch in each epoch. It depends on the numbers alone, to the bit on every machine. The
// defaults must be filled in.
func (s Schedule) Factor(step, steps, perEpoch uint64) float64 {
	if s.Kind == OneCycle {
		return s.oneCycle(float64(step), float64(steps))
	}
	warm := uint64(float64(s.Warmup * float64(steps)))
	if step < warm {
		return float64(step+1) / float64(warm)
	}
	at, length := step-warm, steps-warm
	switch s.Kind {
	case Step:
		return power(s.Drop, step/max(perEpoch, 1)/uint64(s.Every))
	case Cosine:
		return s.Floor + float64((1-s.Floor)*fall(float64(at)/float64(length)))
	case MultiCycle:
		return 1 - fall(2*log2(float64(length+15*at)/float64(length)))
	case FlatCosine:
		return fall(max(0, float64(2*at)/float64(length)-1))
	}
	return 1
}

// oneCycle counts as PyTorch does: the highest rate is at step Warmup steps - 1, the lowest at the last.
func (s Schedule) oneCycle(step, steps float64) float64 {
	top, last := float64(s.Warmup*steps)-1, steps-1
	if step <= top {
		return 1 - float64((1-cycleStart)*fall(step/max(top, 1)))
	}
	return cycleEnd + float64((1-cycleEnd)*fall((step-top)/max(last-top, 1)))
}

// fall is half a cosine from 1 at t = 0 to 0 at t = 1, and on: (1 + cos(pi t)) / 2.
func fall(t float64) float64 { return (1 + cosPi(t)) / 2 }
