//go:build torture

package torture

import (
	"slices"
	"testing"

	"lathe/samples"
)

// TestTortureTraining kills one run 24 times: more crashes than a run that does not get on is allowed.
func TestTortureTraining(t *testing.T) {
	s := up(t, newHome(t))
	s.upload("penguins", samples.Penguins)
	victims := slices.Repeat([]string{"child", "service", "both"}, 8)
	for epochs := 600; ; epochs *= 2 {
		_, calm := s.finish(s.train("calm", epochs, slow).ID)
		if killTraining(t, s, victims, epochs, calm) {
			break
		}
	}
	s.healthy()
}
