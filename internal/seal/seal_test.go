package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"lathe"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSealRoundTrip(t *testing.T) {
	key := NewKey()
	for _, plain := range [][]byte{nil, {0}, []byte("prompt"), pattern(100_000)} {
		sealed := Seal(key, plain, []byte("row 7"))
		if len(sealed) != len(plain)+ValueOverhead {
			t.Errorf("%d bytes became %d", len(plain), len(sealed))
		}
		got, err := Open(key, sealed, []byte("row 7"))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %v", len(plain), err)
		}
		if bytes.Equal(sealed, Seal(key, plain, []byte("row 7"))) {
			t.Error("the nonce repeats")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	key := NewKey()
	sealed := Seal(key, []byte("prompt"), []byte("row 7"))
	refuse := func(what string, key Key, sealed []byte, associated string) {
		t.Helper()
		plain, err := Open(key, sealed, []byte(associated))
		var c *CorruptError
		if !errors.As(err, &c) || plain != nil || lathe.CodeOf(err) != lathe.CodeCorrupt {
			t.Fatalf("%s: %q, %v", what, plain, err)
		}
	}
	for i := range sealed {
		for bit := range 8 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << bit
			refuse("flip", key, bad, "row 7")
		}
		refuse("truncate", key, sealed[:i], "row 7")
	}
	refuse("append", key, append(bytes.Clone(sealed), 0), "row 7")
	refuse("other row", key, sealed, "row 8")
	refuse("other key", NewKey(), sealed, "row 7")
}

// TestXChaChaVector checks the value format against draft-irtf-cfrg-xchacha-03, A.3.1.
func TestXChaChaVector(t *testing.T) {
	key := must[Key](t)(KeyFrom(unhex(t, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f")))
	plain := "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
	sealed := append([]byte{valueVersion}, unhex(t, "404142434445464748494a4b4c4d4e4f5051525354555657"+
		"bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39"+
		"ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"+
		"21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49")...)
	got, err := Open(key, sealed, unhex(t, "50515253c0c1c2c3c4c5c6c7"))
	if err != nil || string(got) != plain {
		t.Errorf("%q, %v", got, err)
	}
}

// TestHKDFVector checks the library that Derive and streams stand on: RFC 5869, A.1 and A.3.
func TestHKDFVector(t *testing.T) {
	secret := unhex(t, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	for _, v := range []struct{ salt, info, want string }{
		{"000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9", "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
		{"", "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
	} {
		got, err := hkdf.Key(sha256.New, secret, unhex(t, v.salt), string(unhex(t, v.info)), 42)
		if err != nil || hex.EncodeToString(got) != v.want {
			t.Errorf("%x, %v", got, err)
		}
	}
}

// TestGCMVector checks the cipher of streams: McGrew and Viega, test case 16 (AES-256, with associated data).
func TestGCMVector(t *testing.T) {
	key := unhex(t, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
	plain := unhex(t, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
	want := "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
		"76fc6ece0f4e1768cddf8853bb2d551b"
	got := gcm(key).Seal(nil, unhex(t, "cafebabefacedbaddecaf888"), plain, unhex(t, "feedfacedeadbeeffeedfacedeadbeefabaddad2"))
	if hex.EncodeToString(got) != want {
		t.Errorf("%x", got)
	}
}

// TestDerivedValuesNeverChange pins names and derived keys, computed apart with Python's hmac module after RFC 2104 and
// RFC 5869: a change here would orphan every blob and database there is.
func TestDerivedValuesNeverChange(t *testing.T) {
	var key Key
	for i := range key {
		key[i] = byte(i)
	}
	for name, v := range map[string][2]string{
		"name":   {Name(key, []byte("content")), "375258850f8c6e806971d9354931d8c6562c10e7f5dc4b56d8a7eb7c9bbd6bfb"},
		"derive": {hex.EncodeToString(DeriveN(key, "database", 64)), "dd044fa207761766534933a6259d2e28f8b9d80a6a75f986bda03a59e7c00fcfa7334742c6b4fd9ce432379b2e5e1b3a70929ef980cb64af0496ecea47fa5b61"},
	} {
		if v[0] != v[1] {
			t.Errorf("%s: %s", name, v[0])
		}
	}
	if first := Derive(key, "database"); !bytes.Equal(first[:], DeriveN(key, "database", 64)[:32]) || first == Derive(key, "pepper") {
		t.Error("Derive differs from DeriveN, or purposes are not told apart")
	}
}

func TestAssociateIsInjective(t *testing.T) {
	seen := map[string]string{}
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab"}, {"a", "b"}, {"\x01a"}, {"a\x01b"}} {
		got := string(Associate(parts...))
		if other, ok := seen[got]; ok {
			t.Errorf("%q gives the same as %s", parts, other)
		}
		seen[got] = fmt.Sprintf("%q", parts)
	}
}

func TestKeyNeverPrints(t *testing.T) {
	key := Key([]byte("super-secret-key-super-secret-ke"))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "wrapped", struct{ K Key }{key})
	marshalled := must[[]byte](t)(json.Marshal(map[string]any{"k": key, "p": &key}))
	out := fmt.Sprintf("%v %+v %#v %s %x %d %q %v", key, key, key, key, key, key, key, struct{ K *Key }{&key}) + log.String() + string(marshalled)
	for _, leak := range []string{"super", hex.EncodeToString([]byte("super")), "115"} {
		if strings.Contains(out, leak) {
			t.Errorf("%q in %s", leak, out)
		}
	}
	if key.Zero(); key != (Key{}) {
		t.Error("Zero left bytes")
	}
}

func TestWrap(t *testing.T) {
	by, key := NewKey(), NewKey()
	wrapped := Wrap(by, key, []byte("a"))
	if len(wrapped) != WrappedSize || must[Key](t)(Unwrap(by, wrapped, []byte("a"))) != key {
		t.Error("the key did not come back")
	}
	for name, bad := range map[string][]byte{"name": Wrap(by, key, []byte("b")), "length": Seal(by, key[:31], []byte("a"))} {
		if _, err := Unwrap(by, bad, []byte("a")); lathe.CodeOf(err) != lathe.CodeCorrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := KeyFrom(make([]byte, 31)); err == nil {
		t.Error("a key of 31 bytes")
	}
}

// TestSlotIsArgon2id rebuilds a slot's key by hand, so that the format cannot drift to a cheaper one unseen.
func TestSlotIsArgon2id(t *testing.T) {
	disk, path := OS{}, t.TempDir()+"/root.slot"
	key := must[Key](t)(CreateSlot(disk, path, []byte("pass"), cheap))
	slot := must[slotFile](t)(parseSlot(must[[]byte](t)(disk.ReadFile(path))))
	by := argon2.IDKey([]byte("pass"), slot.Salt, slot.Cost.Time, slot.Cost.MemoryKiB, slot.Cost.Threads, 32)
	aead, err := chacha20poly1305.NewX(by)
	if err != nil {
		t.Fatal(err)
	}
	got, err := aead.Open(nil, slot.Wrapped[1:25], slot.Wrapped[25:], Associate("lathe", "root slot"))
	if err != nil || Key(got) != key {
		t.Errorf("%v", err)
	}
	if DefaultCost.MemoryKiB < 64<<10 || DefaultCost.check() != nil {
		t.Error("the default cost is below RFC 9106's second option")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(Seal(testKey, []byte("x"), nil))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := Open(testKey, sealed, nil)
		if err == nil && string(plain) != "x" {
			t.Fatalf("a forged value opened: %q", plain)
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	f.Add(frame("root-key", nil, []byte(hex.EncodeToString(testKey[:])+"\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := ParseKeyFile(data)
		if err == nil && !bytes.Contains(data, []byte(hex.EncodeToString(key[:]))) && !bytes.Contains(bytes.ToLower(data), []byte(hex.EncodeToString(key[:]))) {
			t.Fatal("a key that is not in the file")
		}
	})
}

// FuzzFrames fuzzes the bodies below a right checksum: what an attacker could plant who has no key.
func FuzzFrames(f *testing.F) {
	now := fixedClock()
	f.Add(encode(slotFile{KDF: slotKDF, Cost: cheap, Salt: make([]byte, 16), Wrapped: make([]byte, WrappedSize)}))
	f.Add(encode(shardFile{Subjects: map[string]slot{"a": {Destroyed: &now}}}))
	f.Add(encode(ringFile{Generation: 1, System: Wrap(testKey, testKey, systemAssociated(1)), Projects: map[lathe.Project]slot{"a": {Destroyed: &now}}}))
	f.Fuzz(func(t *testing.T, body []byte) {
		if slot, err := parseSlot(frame("root-slot", nil, body)); err == nil && slot.Cost.check() != nil {
			t.Fatal("a slot of any cost")
		}
		if file, err := parseShard(frame("subject-keys", &testKey, body), testKey); err == nil && file.Subjects == nil {
			t.Fatal("a shard without subjects")
		}
		k := newKeyring("none", Options{})
		if err := k.parse(frame("keyring", &testKey, body), testKey); err == nil && k.ring.Projects == nil {
			t.Fatal("a keyring without projects")
		}
	})
}
