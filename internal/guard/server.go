package guard

import (
	"log/slog"
	"net/http"
	"time"
)

// What a connection may cost. 10,000 that are slow or idle must go within ten seconds, and hold 32 KiB each at most.
const (
	headerWait = 5 * time.Second
	idleWait   = 10 * time.Second
	maxHeader  = 16 << 10
)

// Server makes the http.Server that serves the gate, with limits on headers, slow clients and idle connections. Its
// shutdown cuts open streams, which it would otherwise wait for.
func (g *Gate) Server() *http.Server {
	s := &http.Server{
		Handler:           g,
		ReadHeaderTimeout: headerWait,
		ReadTimeout:       readWait,  // the body's pace moves it along
		WriteTimeout:      writeWait, // the answer's pace moves it along
		IdleTimeout:       idleWait,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(g.config.Log.Handler(), slog.LevelDebug),
	}
	s.RegisterOnShutdown(g.CutStreams)
	return s
}
