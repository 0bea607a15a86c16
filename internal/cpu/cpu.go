// Package cpu says which set of kernels this process uses.
//
// The choice is made once, from what the machine has and from the environment variable LATHE_CPU.
// Every choice gives the same bits; only the speed differs. This is the one package that keeps
// state for the whole process.
package cpu

import (
	"fmt"
	"os"
	"sync/atomic"
)

// Level is a set of kernels, ordered by what it asks of the machine.
type Level int32

// The levels. Generic is pure Go, AVX2 also needs FMA and F16C, AVX512 needs F, BW, DQ and VL.
const (
	Generic Level = iota
	AVX2
	AVX512
)

// Env names the environment variable that Current reads.
const Env = "LATHE_CPU"

// active holds the level that kernels dispatch on.
var active atomic.Int32

func init() {
	level, err := Current()
	if err != nil {
		level = Detect() // main calls Current and reports the error
	}
	active.Store(int32(level))
}

// String returns the name that LATHE_CPU takes.
func (l Level) String() string {
	switch l {
	case Generic:
		return "generic"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	}
	return fmt.Sprintf("cpu.Level(%d)", int32(l))
}

// Parse returns the level of that name; its error names the value and the choices.
func Parse(name string) (Level, error) {
	for l := Generic; l <= AVX512; l++ {
		if l.String() == name {
			return l, nil
		}
	}
	return Generic, fmt.Errorf("cpu: parse: unknown level %q, want generic, avx2 or avx512", name)
}

// Detect returns the highest level that this machine and this build can run.
func Detect() Level { return detect() }

// Current returns the level that LATHE_CPU asks for, or Detect when it is empty.
//
// It fails on an unknown name, and on a level that the machine or the build lacks.
func Current() (Level, error) {
	name := os.Getenv(Env)
	if name == "" {
		return Detect(), nil
	}
	level, err := Parse(name)
	if err != nil {
		return Generic, fmt.Errorf("cpu: %s: %w", Env, err)
	}
	if level > Detect() {
		return Generic, fmt.Errorf("cpu: %s: %s needs what this machine lacks: %s", Env, level, missing(level))
	}
	return level, nil
}

// Active returns the level in use. It is cheap enough to be read by each kernel call.
func Active() Level { return Level(active.Load()) }

// VNNI says whether the dot products of bytes may use AVX512_VNNI: at level AVX512, where the machine has
// it.
func VNNI() bool { return Active() == AVX512 && vnni() }

// Use switches the process to a level and returns what switches it back. It exists for tests and
// benchmarks and panics when the machine lacks the level.
func Use(l Level) (restore func()) {
	if l < Generic || l > Detect() {
		panic(fmt.Sprintf("cpu: use: level %s, the machine has %s", l, Detect()))
	}
	old := active.Swap(int32(l))
	return func() { active.Store(old) }
}
