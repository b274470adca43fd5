// A service in Go, without packages: it calls a service with clew, and passes the id on.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"log"
	"net/http"
	"os"
)

func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-ID"); id != "" {
		return id
	}
	made := make([]byte, 16)
	rand.Read(made)
	return hex.EncodeToString(made)
}

func main() {
	port, upstream := os.Args[1], os.Args[2]
	handler := func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r)
		out, err := http.NewRequestWithContext(r.Context(), "GET", upstream+r.URL.RequestURI(), nil)
		if err != nil {
			http.Error(w, "wrong address", http.StatusBadRequest)
			return
		}
		out.Header.Set("X-Request-ID", id)
		w.Header().Set("X-Request-ID", id)
		answer, err := http.DefaultClient.Do(out)
		if err != nil {
			http.Error(w, "unreachable", http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		io.Copy(w, answer.Body)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(handler)))
}
