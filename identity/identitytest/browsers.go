package identitytest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"
)

const (
	endSessionPath = mockoidc.IssuerBase + "/end-session"
	browserCookie  = "provider_browser"
)

// browsers is the library's server with what it lacks: browsers that it knows again by their cookies, and that sign out.
type browsers struct {
	*mockoidc.MockOIDC
	signing   sync.Mutex // of one person at a time: the library has a queue of its own
	known     map[string]mockoidc.User
	next      []mockoidc.User
	signedOut []string // where a browser may be sent to after it has signed out; nil: no browser can sign out
}

// QueueUser says who signs in next, whoever the browser is of.
func (b *browsers) QueueUser(user mockoidc.User) {
	b.signing.Lock()
	defer b.signing.Unlock()
	b.next = append(b.next, user)
}

// OfferSignOut lets browsers sign out, after which they may be sent to these addresses. The discovery document says so, if it
// has not been read yet.
func (b *browsers) OfferSignOut(addresses ...string) {
	b.signing.Lock()
	defer b.signing.Unlock()
	b.signedOut = append([]string{}, addresses...)
}

// EndSessionURL is where browsers sign out.
func (b *browsers) EndSessionURL() string { return b.Addr() + endSessionPath }

// authorize signs in who stands in the queue, or who is known by the browser's cookie, or else somebody.
func (b *browsers) authorize(w http.ResponseWriter, r *http.Request) {
	b.signing.Lock()
	defer b.signing.Unlock()
	var who mockoidc.User = mockoidc.DefaultUser()
	if cookie, err := r.Cookie(browserCookie); err == nil && b.known[cookie.Value] != nil {
		who = b.known[cookie.Value]
	}
	if len(b.next) > 0 {
		who, b.next = b.next[0], b.next[1:]
	}
	browser := rand.Text()
	b.known[browser] = who
	http.SetCookie(w, &http.Cookie{Name: browserCookie, Value: browser, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	b.MockOIDC.QueueUser(who)
	b.Authorize(w, r)
}

// discovery says where browsers sign out, besides what the library says.
func (b *browsers) discovery(w http.ResponseWriter, r *http.Request) {
	said := httptest.NewRecorder()
	b.Discovery(said, r)
	b.signing.Lock()
	offered := b.signedOut != nil
	b.signing.Unlock()
	if !offered {
		_, _ = w.Write(said.Body.Bytes())
		return
	}
	document := map[string]any{}
	if err := json.NewDecoder(bytes.NewReader(said.Body.Bytes())).Decode(&document); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	document["end_session_endpoint"] = b.EndSessionURL() + "?realm=test"
	_ = json.NewEncoder(w).Encode(document)
}

// endSession signs a browser out as OpenID Connect RP-Initiated Logout 1.0 has it: at once for who brings an ID token of its own,
// and not at all for who does not; a real one would then ask.
func (b *browsers) endSession(w http.ResponseWriter, r *http.Request) {
	b.signing.Lock()
	defer b.signing.Unlock()
	query := r.URL.Query()
	back := query.Get("post_logout_redirect_uri")
	if query.Get("realm") != "test" || query.Get("client_id") != b.ClientID || !slices.Contains(b.signedOut, back) {
		http.Error(w, "the client, or where to go afterwards, is not registered", http.StatusBadRequest)
		return
	}
	cookie, err := r.Cookie(browserCookie)
	if err == nil && b.known[cookie.Value] != nil {
		if !b.isOf(query.Get("id_token_hint"), b.known[cookie.Value]) {
			http.Error(w, "Do you want to sign out?", http.StatusOK)
			return
		}
		delete(b.known, cookie.Value)
	}
	http.Redirect(w, r, back+"?"+url.Values{"state": query["state"]}.Encode(), http.StatusSeeOther)
}

// isOf tells whether a text is an ID token of this person for the client, whether or not it is still good.
func (b *browsers) isOf(text string, who mockoidc.User) bool {
	claims := jwt.MapClaims{}
	_, err := jwt.NewParser(jwt.WithoutClaimsValidation()).ParseWithClaims(text, claims, func(*jwt.Token) (any, error) {
		return b.Keypair.PublicKey, nil
	})
	audience, _ := claims.GetAudience()
	subject, _ := claims.GetSubject()
	return err == nil && slices.Contains(audience, b.ClientID) && subject == who.ID()
}
