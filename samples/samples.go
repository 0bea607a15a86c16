// Package samples carries the small real table that `lathe up --sample` trains on, so that a new user sees the main job
// without any data of their own. README.md beside it has source and licence.
package samples

import _ "embed"

// Penguins is penguins.csv: 344 rows, numbers and categories, some values missing.
//
//go:embed penguins.csv
var Penguins []byte

// Target is the column of Penguins to predict.
const Target = "species"
