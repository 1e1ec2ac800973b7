package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// An API server drops a field that it does not know, so a limit that is misspelt is none: the schemas let through what they name
// alone. Where a document leaves a map open, as that of labels, it stays open; and what a kind is not made of does not come with
// it.
func TestSchemasRefuseUnknownFields(t *testing.T) {
	const document = `{"components": {"schemas": {
		"Shop": {"x-kubernetes-group-version-kind": [{"group": "rex.example.io", "kind": "Shop", "version": "v1"}],
			"properties": {"spec": {"allOf": [{"$ref": "#/components/schemas/Spec"}]}, "labels": {"additionalProperties": {"type": "string"}}}},
		"Spec": {"properties": {"any": {"x-kubernetes-preserve-unknown-fields": true, "properties": {}}}},
		"Other": {"properties": {}}}}}`
	from, to := t.TempDir(), t.TempDir()
	dir := filepath.Join(from, "apis", "rex.example.io")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "v1.json"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(from, to); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(to, "shop-rex-v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"$ref": "#/components/schemas/Shop", "components": {"schemas": {
		"Shop": {"x-kubernetes-group-version-kind": [{"group": "rex.example.io", "kind": "Shop", "version": "v1"}], "additionalProperties": false,
			"properties": {"spec": {"allOf": [{"$ref": "#/components/schemas/Spec"}]}, "labels": {"additionalProperties": {"type": "string"}}}},
		"Spec": {"additionalProperties": false, "properties": {"any": {"x-kubernetes-preserve-unknown-fields": true, "properties": {}}}}}}}`
	var made, wanted any
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(made, wanted) {
		t.Errorf("made %s", text)
	}
	if err := run(t.TempDir(), to); err == nil {
		t.Error("a directory without documents is taken")
	}
}
