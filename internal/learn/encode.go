package learn

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"lathe/internal/format/safetensors"
)

// The metadata of a checkpoint's safetensors file.
const (
	headerKey   = "lathe.checkpoint"
	checksumKey = "lathe.sha256"
)

// Encode writes the checkpoint as a safetensors file whose metadata hold the rest of the state and
// a SHA-256 over everything. It returns the writer's error.
func (c *Checkpoint) Encode(w io.Writer) error {
	header, err := json.Marshal(c.header)
	if err != nil {
		return fmt.Errorf("learn: checkpoint: encode: %w", err)
	}
	metadata := map[string]string{headerKey: string(header), checksumKey: c.checksum(string(header))}
	if err := safetensors.Write(w, c.file.Tensors, metadata); err != nil {
		return fmt.Errorf("learn: checkpoint: encode: %w", err)
	}
	return nil
}

// DecodeCheckpoint reads what Encode wrote. The input is not trusted: it returns an error for a
// file that is malformed, larger than limits allow, of another version or damaged.
func DecodeCheckpoint(r io.Reader, limits safetensors.Limits) (*Checkpoint, error) {
	file, err := safetensors.Read(r, limits)
	if err != nil {
		return nil, fmt.Errorf("learn: checkpoint: decode: %w", err)
	}
	header, ok := file.Metadata[headerKey]
	if !ok {
		return nil, badCheckpoint("the file is not a checkpoint")
	}
	c := &Checkpoint{file: safetensors.File{Tensors: file.Tensors}}
	if c.checksum(header) != file.Metadata[checksumKey] {
		return nil, badCheckpoint("the checksum is wrong: the file is damaged")
	}
	if err := decodeHeader(header, &c.header); err != nil {
		return nil, err
	}
	return c, nil
}

func decodeHeader(text string, header *checkpointHeader) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(header); err != nil {
		return badCheckpoint("header: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return badCheckpoint("header: more after the end")
	}
	if header.Version != checkpointVersion {
		return badCheckpoint("version %d, want %d", header.Version, checkpointVersion)
	}
	return nil
}

// checksum is over the header and, for each tensor in the order of names, name, type, shape and
// bytes, each with its length.
func (c *Checkpoint) checksum(header string) string {
	hash := sha256.New()
	text := func(s []byte) {
		hash.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
		hash.Write(s)
	}
	text([]byte(header))
	for _, t := range c.file.Tensors {
		text([]byte(t.Name))
		text([]byte(t.DType))
		text(fmt.Append(nil, t.Shape))
		text(t.Data)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
