package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lathe/internal/app/native"
	"lathe/internal/child"
	"lathe/samples"
)

// TestMain makes the test binary the product as well: its children run the works, and scripts find it as lathe.
func TestMain(m *testing.M) {
	child.Main(native.Works())
	testscript.Main(m, map[string]func(){"lathe": main})
}

// TestScripts walks through the product as its users do, one file a walk.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("LATHE_HOME", env.WorkDir+"/h")
			env.Setenv("HOME", env.WorkDir)
			return os.WriteFile(env.WorkDir+"/penguins.csv", samples.Penguins, 0o644)
		},
	})
}
