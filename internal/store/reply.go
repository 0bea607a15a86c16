package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"lathe"
)

// maxReply bounds a stored answer in bytes of header and body. Answers to writes are small documents.
const maxReply = 1 << 20

type replyRow struct {
	bun.BaseModel  `bun:"table:reply,alias:reply"`
	Project        string
	Caller         string
	IdempotencyKey string
	Fingerprint    []byte
	Done           bool
	Status         int
	SealedContent  []byte // an answer may hold a new key
	ExpiresAt      int64
}

// replyContent is what is sealed of an answer.
type replyContent struct {
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"`
}

// replyPlace quotes what callers choose, so that places never collide.
func replyPlace(caller, key string) string { return fmt.Sprintf("reply/%q/%q", caller, key) }

// BeginReply implements lathe.IdempotencyStore. Answers past their ttl are forgotten on the way.
func (s *Store) BeginReply(ctx context.Context, project lathe.Project, caller, key string, fingerprint []byte, ttl time.Duration) (*lathe.Reply, error) {
	if err := checkReplyKey(project, caller, key); err != nil {
		return nil, err
	}
	now := s.now()
	row := replyRow{
		Project: string(project), Caller: caller, IdempotencyKey: key, Fingerprint: append([]byte{}, fingerprint...),
		ExpiresAt: toMicro(now.Add(ttl)),
	}
	var old *replyRow
	err := s.write(ctx, "begin reply", func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*replyRow)(nil)).Where("expires_at <= ?", toMicro(now)).Exec(ctx)
		if err != nil {
			return err
		}
		if old, err = findReply(ctx, tx, &row); err != nil || old != nil {
			return err
		}
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil || old == nil {
		return nil, err
	}
	return s.replay(old, fingerprint)
}

func checkReplyKey(project lathe.Project, caller, key string) error {
	if key == "" {
		return lathe.Errorf(lathe.CodeInvalid, "the idempotency key is empty").WithField("Idempotency-Key")
	}
	return first(checkProject(project), checkText("caller", caller, 200), checkText("Idempotency-Key", key, 255))
}

// findReply gives the stored row of the same key, nil where there is none.
func findReply(ctx context.Context, tx bun.Tx, row *replyRow) (*replyRow, error) {
	old := &replyRow{}
	err := tx.NewSelect().Model(old).Where("project = ?", row.Project).Where("caller = ?", row.Caller).
		Where("idempotency_key = ?", row.IdempotencyKey).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return old, err
}

// replay gives the stored answer, or says why the key is taken.
func (s *Store) replay(old *replyRow, fingerprint []byte) (*lathe.Reply, error) {
	switch {
	case !bytes.Equal(old.Fingerprint, fingerprint):
		return nil, lathe.Errorf(lathe.CodeConflict, "idempotency key %s was used for another request", quote(old.IdempotencyKey)).
			WithField("Idempotency-Key").WithHint("use a new key for each request, and repeat a key only with the same content")
	case !old.Done:
		return nil, lathe.Errorf(lathe.CodeConflict, "the request with idempotency key %s is still being carried out", quote(old.IdempotencyKey)).
			WithField("Idempotency-Key").WithHint("try again in a while")
	}
	plain, err := s.open(lathe.Project(old.Project), replyPlace(old.Caller, old.IdempotencyKey), old.SealedContent)
	if err != nil {
		return nil, err
	}
	var content replyContent
	if err := json.Unmarshal(plain, &content); err != nil {
		return nil, fmt.Errorf("store: reply: %w", err)
	}
	return &lathe.Reply{Status: old.Status, Header: content.Header, Body: content.Body}, nil
}

// FinishReply implements lathe.IdempotencyStore. A key that was not begun, or is finished, is CodeConflict.
func (s *Store) FinishReply(ctx context.Context, project lathe.Project, caller, key string, reply *lathe.Reply) error {
	row := replyRow{Project: string(project), Caller: caller, IdempotencyKey: key, Done: true}
	if reply != nil {
		if err := s.sealReply(&row, reply); err != nil {
			return err
		}
	}
	return s.write(ctx, "finish reply", func(ctx context.Context, tx bun.Tx) error {
		n, err := changed(endReply(ctx, tx, &row, reply == nil))
		if err == nil && n == 0 {
			return lathe.Errorf(lathe.CodeConflict, "no request with idempotency key %s is being carried out", quote(key))
		}
		return err
	})
}

func endReply(ctx context.Context, tx bun.Tx, row *replyRow, giveBack bool) (sql.Result, error) {
	if giveBack {
		return tx.NewDelete().Model((*replyRow)(nil)).Where("project = ?", row.Project).Where("caller = ?", row.Caller).
			Where("idempotency_key = ?", row.IdempotencyKey).Where("NOT done").Exec(ctx)
	}
	return tx.NewUpdate().Model(row).Column("done", "status", "sealed_content").Where("project = ?", row.Project).
		Where("caller = ?", row.Caller).Where("idempotency_key = ?", row.IdempotencyKey).Where("NOT done").Exec(ctx)
}

func (s *Store) sealReply(row *replyRow, reply *lathe.Reply) error {
	plain, err := json.Marshal(replyContent{Header: reply.Header, Body: reply.Body})
	if err != nil {
		return fmt.Errorf("store: reply: %w", err)
	}
	if len(plain) > maxReply*2 { // base 64 and quotes take up to twice the bytes
		return lathe.Errorf(lathe.CodeTooLarge, "an answer of %d bytes is too large to keep", len(reply.Body)).
			WithHint("at most %d bytes are kept", maxReply)
	}
	row.Status = reply.Status
	row.SealedContent, err = s.seal(lathe.Project(row.Project), replyPlace(row.Caller, row.IdempotencyKey), plain)
	return err
}

// ForgetUnfinishedReplies gives back every key whose request was never answered: at start, when no other process works
// on the home, those requests died with the process. It returns how many there were.
func (s *Store) ForgetUnfinishedReplies(ctx context.Context) (n int64, err error) {
	err = s.write(ctx, "forget unfinished replies", func(ctx context.Context, tx bun.Tx) error {
		n, err = changed(tx.NewDelete().Model((*replyRow)(nil)).Where("NOT done").Exec(ctx))
		return err
	})
	return n, err
}
