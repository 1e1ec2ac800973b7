package simulator

import (
	"encoding/json"
	"net/http"
)

const jsonMediaType = "application/json"

func answerError(w http.ResponseWriter, status int, text string) {
	answerJSON(w, status, map[string]string{"error": text})
}

// answerJSON answers with a body that is encoded as it is sent: the books can be long.
func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", jsonMediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller may be gone
}
