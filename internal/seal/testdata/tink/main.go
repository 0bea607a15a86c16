// Command vectors writes streams made by Tink's own AES256-GCM-HKDF, which package seal must read. Run it in a module
// of its own that requires tink-go v2.9.0: `go run . > tink_stream.json`.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"
)

type vector struct {
	Key        []byte `json:"key"`
	Associated string `json:"associated"`
	Length     int    `json:"length"` // plaintext byte i is i*7+i/251
	Stream     []byte `json:"stream"` // without the four bytes of magic
}

func main() {
	key := []byte("0123456789abcdef0123456789ABCDEF")
	var out []vector
	for _, n := range []int{0, 1, 100, 65536 - 16 - 44 + 1} {
		// 4: room for our magic before Tink's header.
		a, err := subtle.NewAESGCMHKDF(key, "SHA256", 32, 65536, 4)
		check(err)
		var buf bytes.Buffer
		w, err := a.NewEncryptingWriter(&buf, []byte("object 7"))
		check(err)
		plain := make([]byte, n)
		for i := range plain {
			plain[i] = byte(i*7 + i/251)
		}
		_, err = w.Write(plain)
		check(err)
		check(w.Close())
		out = append(out, vector{key, "object 7", n, buf.Bytes()})
	}
	check(json.NewEncoder(os.Stdout).Encode(out))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
