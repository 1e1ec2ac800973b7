// Command schemas makes the JSON schemas by which kubeconform checks docker/kubernetes, of the OpenAPI documents of a Kubernetes
// API server. Those that kubeconform fetches by itself come from a host that not every machine reaches; these come with a Go
// module.
//
//	go run ./scripts/schemas -from DIR/builtins/1.30 -to DIR
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	reference = "#/components/schemas/"
	gvkKey    = "x-kubernetes-group-version-kind"
)

// schema is one JSON schema, or a part of one.
type schema = map[string]any

func main() {
	from := flag.String("from", "", "directory of the OpenAPI documents, with api/v1.json and apis/GROUP/VERSION.json")
	to := flag.String("to", "", "directory for the schemas")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	var files []string
	for _, pattern := range []string{"api/*.json", "apis/*/*.json"} {
		found, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil {
			return fmt.Errorf("look for documents: %w", err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return errors.New("set -from to a directory of OpenAPI documents")
	}
	if err := os.MkdirAll(to, 0o750); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	for _, file := range files {
		if err := convert(file, to); err != nil {
			return fmt.Errorf("convert %s: %w", file, err)
		}
	}
	return nil
}

// convert writes a schema of each kind of a document, in a file that is named as kubeconform looks for it: deployment-apps-v1.json.
func convert(file, to string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	var document struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	for name, definition := range document.Components.Schemas {
		kind := fileName(definition)
		if kind == "" {
			continue
		}
		needed := map[string]schema{}
		collect(name, document.Components.Schemas, needed)
		text, err := json.Marshal(schema{"$ref": reference + name, "components": schema{"schemas": needed}})
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, kind), text, 0o600); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// fileName is the name of the file of a definition; empty for one that is no kind of its own.
func fileName(definition schema) string {
	kinds, _ := definition[gvkKey].([]any)
	if len(kinds) != 1 {
		return ""
	}
	gvk, _ := kinds[0].(schema)
	group, _, _ := strings.Cut(fmt.Sprint(gvk["group"]), ".")
	if group != "" {
		group += "-"
	}
	return strings.ToLower(fmt.Sprintf("%v-%s%v.json", gvk["kind"], group, gvk["version"]))
}

// collect adds a definition, and all that it is made of, to those that are needed.
func collect(name string, all, needed map[string]schema) {
	if _, done := needed[name]; done {
		return
	}
	needed[name] = all[name]
	visit(all[name], func(part schema) {
		if to, isReference := part["$ref"].(string); isReference {
			collect(strings.TrimPrefix(to, reference), all, needed)
		}
		// A field that is misspelt is unknown, and an API server would drop it in silence.
		_, open := part["additionalProperties"]
		_, anything := part["x-kubernetes-preserve-unknown-fields"]
		if _, isObject := part["properties"].(schema); isObject && !open && !anything {
			part["additionalProperties"] = false
		}
	})
}

// visit shows each object of a schema, itself first.
func visit(value any, show func(schema)) {
	switch value := value.(type) {
	case schema:
		show(value)
		for _, inner := range value {
			visit(inner, show)
		}
	case []any:
		for _, inner := range value {
			visit(inner, show)
		}
	}
}
