package tensor

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0

// filler
var _ = 0
