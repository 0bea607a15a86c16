package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// machine is what a figure was measured on.
type machine struct {
	CPU    string   `json:"cpu"`
	Cores  int      `json:"cores"`
	Flags  []string `json:"flags"` // the instruction sets that kernels use
	Memory int64    `json:"memory_bytes"`
	Kernel string   `json:"kernel"`
	System string   `json:"system"`
	Load   string   `json:"load"` // 1, 5 and 15 minutes before the run: above 0.5 or so the figures are disturbed
}

// simd are the flags of /proc/cpuinfo that matter to kernels.
var simd = []string{"avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_tile"}

func readMachine() (machine, error) {
	m := machine{Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH}
	cpu, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m, fmt.Errorf("machine: benchmarks run on Linux: %w", err)
	}
	m.CPU = field(cpu, "model name")
	flags := strings.Fields(field(cpu, "flags"))
	for _, f := range simd {
		if slices.Contains(flags, f) {
			m.Flags = append(m.Flags, f)
		}
	}
	for path, to := range map[string]*string{"/proc/sys/kernel/osrelease": &m.Kernel, "/proc/loadavg": &m.Load} {
		data, err := os.ReadFile(path)
		if err != nil {
			return m, fmt.Errorf("machine: %w", err)
		}
		*to = strings.Join(strings.Fields(string(data))[:min(3, len(strings.Fields(string(data))))], " ")
	}
	memory, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return m, fmt.Errorf("machine: %w", err)
	}
	m.Memory, err = kibibytes(field(memory, "MemTotal"))
	return m, err
}

// field finds the first "name: value" of a file in /proc, "" where there is none.
func field(data []byte, name string) string {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kibibytes reads "123 kB" as bytes.
func kibibytes(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("machine: memory %q: %w", text, err)
	}
	return n << 10, nil
}
