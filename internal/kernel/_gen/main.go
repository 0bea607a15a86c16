// Command _gen writes the assembly kernels of package kernel and their Go stubs with avo.
//
// Run it as `go generate ./internal/kernel`. Each kernel is written once for a vector set (isa.go)
// and emitted for AVX2 and for AVX-512.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("!noasm")
	for _, s := range []isa{{name: "AVX2"}, {name: "AVX512", wide: true}} {
		matmul(s)
		elementwise(s)
		transcendental(s)
		activation(s)
		reduction(s)
		step(s)
		indexed(s)
		softmax(s)
		norm(s)
		dropout(s)
		half(s)
	}
	int8Kernels()
	prefetch()
	transpose()
	pack(isa{name: "AVX2"}, 2)
	pack(isa{name: "AVX512", wide: true}, 4)
	Generate()
}
