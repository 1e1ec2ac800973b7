package settings

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Where the office's ways into production stand.
const (
	composeFile   = "../../docker/compose.yaml"
	manifests     = "../../docker/kubernetes/"
	secretsInPods = "/run/secrets/boxoffice/"
)

// A variable that is no setting stops the start: in a manifest that nobody has tried since the setting got another name, it does so
// in production.
func TestProductionNamesSettingsThatExist(t *testing.T) {
	found := map[string]int{}
	err := filepath.WalkDir("../../docker", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".md" || filepath.Ext(path) == ".json" {
			return err
		}
		for _, name := range regexp.MustCompile(`\bBOXOFFICE_[A-Z_]*[A-Z]\b`).FindAllString(readText(t, path), -1) {
			found[filepath.Base(filepath.Dir(path))]++
			if err := CheckEnvironment([]string{name + "=x"}); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return nil
	})
	if err != nil || found["docker"] == 0 || found["base"] == 0 || found["example"] == 0 || found["systemd"] == 0 {
		t.Errorf("looked at %v: %v", found, err)
	}
}

// Each role starts with what its pods get, and gets no secret that it does not read. The example's own secrets start no shop.
func TestManifestsStartEachRole(t *testing.T) {
	for _, role := range []string{RoleAPI, RoleStock, RoleOrder, RoleTickets, RoleNotify} {
		example := secretsOf(t)
		if _, err := parsePod(t, role, example); role == RoleAPI && err == nil {
			t.Error("a shop starts with the secrets of the example, which everybody knows")
		}
		example[EnvJWTSecret] = "0123456789abcdef0123456789abcdef"
		example[EnvWebhookSecret] = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
		example[EnvTicketKey] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
		c, err := parsePod(t, role, example)
		switch {
		case err != nil:
			t.Errorf("%s does not start: %v", role, err)
		case !slices.Equal(c.Roles, []string{role}):
			t.Errorf("%s has the roles %v", role, c.Roles)
		case c.Demo || !c.HasTickets() || !c.HasNotify() || strings.HasPrefix(c.StockDSN, "sqlite:") || len(c.NameServers) == 0:
			t.Errorf("%s is another office: %+v", role, c)
		case strings.HasPrefix(c.AdminListen, "127."):
			t.Errorf("%s answers no probe at %s", role, c.AdminListen)
		}
		if text := readText(t, manifests+"base/disruption.yaml"); !strings.Contains(text, "name: boxoffice-"+role+"\n") {
			t.Errorf("disruption.yaml has no budget of %s", role)
		}
	}
}

// parsePod parses the settings of a process in the pods of a role, whose secrets are these.
func parsePod(t *testing.T, role string, secrets map[string]string) (Config, error) {
	t.Helper()
	deployment := readText(t, manifests+"base/"+role+".yaml")
	env := readEnv(t, manifests+"base/office.env")
	maps.Copy(env, readEnv(t, manifests+"overlays/example/office.env"))
	for _, match := range regexp.MustCompile(`- \{name: (\w+), value: "?([^"}]*)"?\}`).FindAllStringSubmatch(deployment, -1) {
		env[match[1]] = match[2]
	}
	dir := t.TempDir()
	mounted := map[string]bool{}
	for _, match := range regexp.MustCompile(`- \{key: (\w+), path: (\w+)\}`).FindAllStringSubmatch(deployment, -1) {
		if secrets[match[1]] == "" {
			t.Errorf("%s mounts %s, which the example does not have", role, match[1])
		}
		if err := os.WriteFile(filepath.Join(dir, match[2]), []byte(secrets[match[1]]), 0o600); err != nil {
			t.Fatal(err)
		}
		mounted[match[2]] = true
	}
	for name, value := range env {
		if file, isSecret := strings.CutPrefix(value, secretsInPods); isSecret {
			if !mounted[file] {
				t.Errorf("%s reads %s, which is not mounted", role, value)
			}
			env[name] = filepath.Join(dir, file)
			delete(mounted, file)
		}
	}
	for file := range mounted {
		t.Errorf("%s has %s, and no use for it", role, file)
	}
	return parseArgs(t, env)
}

// The same setting has the same value on Docker and on Kubernetes, and what one of them can do the other can: what only
// compose.yaml has is left to an overlay.
func TestManifestsAgreeWithCompose(t *testing.T) {
	_, app, _ := strings.Cut(readText(t, composeFile), "\n  app:\n")
	app, _, _ = strings.Cut(app, "\n    depends_on:")
	composed := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^      ((?:BOXOFFICE|OTEL|GO)\w+): *([^#\n]*?)(?: +#.*)?$`).FindAllStringSubmatch(app, -1) {
		value := match[2]
		if _, byDefault, found := strings.Cut(value, ":-"); found {
			value = strings.TrimSuffix(byDefault, "}")
		}
		composed[match[1]] = value
	}
	pods := readEnv(t, manifests+"base/office.env")
	for name, value := range pods {
		if other, both := composed[name]; both && other != value {
			t.Errorf("%s is %q in office.env and %q in compose.yaml", name, value, other)
		}
	}
	example := readEnv(t, manifests+"overlays/example/office.env")
	secrets := secretsOf(t)
	for _, name := range slices.Sorted(maps.Keys(composed)) {
		plain := strings.TrimSuffix(name, fileSuffix)
		if pods[name] == "" && example[name] == "" && secrets[plain] == "" && !slices.Contains(leftToOverlays(), name) {
			t.Errorf("compose.yaml sets %s, and the manifests do not", name)
		}
	}
	if len(composed) == 0 || len(pods) == 0 {
		t.Errorf("%d settings in compose.yaml, %d in office.env", len(composed), len(pods))
	}
}

// leftToOverlays lists what compose.yaml can pass on and the manifests' example does not have.
func leftToOverlays() []string {
	return []string{
		"BOXOFFICE_OIDC_ISSUER", "BOXOFFICE_OIDC_CLIENT_ID", "BOXOFFICE_OIDC_CLIENT_SECRET", "BOXOFFICE_OIDC_AUDIENCE",
		"BOXOFFICE_OIDC_ROLES_CLAIM", "BOXOFFICE_SMS_URL", "BOXOFFICE_SMS_SECRET",
		"GOMEMLIMIT", // is that of each role
	}
}

// A Service that is called boxoffice gives every pod variables BOXOFFICE_SERVICE_HOST and more, which the office refuses; and
// kustomize puts the office's labels into every matchLabels of a peer, so that name servers, say, would have to be the office.
func TestManifestsAvoidKnownTraps(t *testing.T) {
	if !strings.Contains(readText(t, manifests+"base/pod.yaml"), "enableServiceLinks: false") {
		t.Error("pods get variables of the Service boxoffice")
	}
	network := readText(t, manifests+"base/network.yaml")
	if peer := regexp.MustCompile(`(?m)^ {8,}podSelector:.*\n *matchLabels`).FindString(network); peer != "" {
		t.Errorf("network.yaml selects a peer by labels to which kustomize adds: %q", peer)
	}
	for _, file := range []string{"base/pod.yaml", "base/api.yaml"} {
		if text := readText(t, manifests+file); strings.Contains(text, "privileged: true") || strings.Contains(text, "hostPath") {
			t.Errorf("%s asks for more than an office needs", file)
		}
	}
}

// secretsOf reads the secrets of the example.
func secretsOf(t *testing.T) map[string]string {
	return readEnv(t, manifests+"overlays/example/secrets.env")
}

// readEnv reads a file of lines NAME=value.
func readEnv(t *testing.T, path string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for line := range strings.Lines(readText(t, path)) {
		if name, value, isSetting := strings.Cut(strings.TrimSpace(line), "="); isSetting && !strings.HasPrefix(name, "#") {
			env[name] = value
		}
	}
	return env
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
