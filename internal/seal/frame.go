package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"lathe"
)

// Every file of the key folder is text: a line `lathe-KIND 1 CHECKSUM`, a line with a MAC (or "-"), then the body. The
// SHA-256 checksum covers all that follows it and tells damage from a wrong key, which the MAC tells: without the two,
// a flipped bit in a project's name would read as "no such project", and its key would be made anew.

func frame(kind string, macKey *Key, body []byte) []byte {
	rest := append([]byte(frameMAC(kind, macKey, body)+"\n"), body...)
	sum := sha256.Sum256(rest)
	return append([]byte(frameHead(kind)+hex.EncodeToString(sum[:])+"\n"), rest...)
}

// unframe checks the checksum and gives the MAC line and the body.
func unframe(kind string, data []byte) (mac string, body []byte, err error) {
	rest, ok := bytes.CutPrefix(data, []byte(frameHead(kind)))
	if !ok {
		return "", nil, corrupt(kind, "the file does not start with %q", frameHead(kind))
	}
	line, rest, ok := bytes.Cut(rest, []byte("\n"))
	sum := sha256.Sum256(rest)
	if !ok || string(line) != hex.EncodeToString(sum[:]) {
		return "", nil, corrupt(kind, "checksum differs: the file is damaged or cut short")
	}
	head, body, ok := bytes.Cut(rest, []byte("\n"))
	if !ok {
		return "", nil, corrupt(kind, "the second line is missing")
	}
	return string(head), body, nil
}

func frameHead(kind string) string { return "lathe-" + kind + " 1 " }

func frameMAC(kind string, macKey *Key, body []byte) string {
	if macKey == nil {
		return "-"
	}
	return Name(Derive(*macKey, "mac/"+kind), body)
}

// openFrame is unframe with the MAC checked; ok is false where the file is whole but was written under another key.
func openFrame(kind string, macKey Key, data []byte) (body []byte, ok bool, err error) {
	mac, body, err := unframe(kind, data)
	if err != nil {
		return nil, false, err
	}
	return body, hmac.Equal([]byte(mac), []byte(frameMAC(kind, &macKey, body))), nil
}

// decode reads one JSON document into v, refusing unknown fields and anything after it.
func decode(kind string, body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return corrupt(kind, "%v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return corrupt(kind, "more than one document")
	}
	return nil
}

func encode(v any) []byte {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("seal: encode: %v", err)) // only for types that JSON cannot hold; ours it can
	}
	return append(body, '\n')
}

func wrongRoot() error {
	return lathe.Errorf(lathe.CodeUnauthenticated, "seal: unlock: this root key does not open the keyring").
		WithHint("give the root key that this home was made with; nothing was changed")
}
