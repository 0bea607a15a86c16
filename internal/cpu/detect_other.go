//go:build !amd64 || noasm

package cpu

func missing(Level) string { return "assembly kernels (this build has only pure Go ones)" }

func vnni() bool { return false }

func detect() Level { return Generic }
