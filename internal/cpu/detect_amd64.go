//go:build !noasm

package cpu

import (
	"strings"

	"golang.org/x/sys/cpu"
)

// feature is one flag of the processor that a level needs; x/sys also asks the operating system
// whether it saves the registers.
type feature struct {
	name string
	has  bool
}

func features(l Level) []feature {
	var fs []feature
	if l >= AVX2 {
		fs = append(fs, feature{"AVX2", cpu.X86.HasAVX2}, feature{"FMA", cpu.X86.HasFMA},
			feature{"F16C", cpu.X86.HasF16C})
	}
	if l >= AVX512 {
		fs = append(fs, feature{"AVX512F", cpu.X86.HasAVX512F}, feature{"AVX512BW", cpu.X86.HasAVX512BW},
			feature{"AVX512DQ", cpu.X86.HasAVX512DQ}, feature{"AVX512VL", cpu.X86.HasAVX512VL})
	}
	return fs
}

func vnni() bool { return cpu.X86.HasAVX512VNNI }

func missing(l Level) string {
	var names []string
	for _, f := range features(l) {
		if !f.has {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ")
}

func detect() Level {
	for l := AVX512; l > Generic; l-- {
		if missing(l) == "" {
			return l
		}
	}
	return Generic
}
