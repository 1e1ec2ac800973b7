package sql_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"boxoffice/sql"
)

// A schema file that has run anywhere is never edited: the databases that ran it would differ from the new ones, and
// stop at their next start. A new file gets its line in testdata/migrations.sha256 (sha256sum in the folder sql).
func TestMigrationsAreFrozen(t *testing.T) {
	frozen, err := os.ReadFile("testdata/migrations.sha256")
	if err != nil {
		t.Fatal(err)
	}
	var found strings.Builder
	for _, service := range []string{"notify", "order", "stock", "tickets"} {
		schema, err := map[string]func() (fs.FS, error){
			"notify": sql.Notify, "order": sql.Order, "stock": sql.Stock, "tickets": sql.Tickets,
		}[service]()
		if err != nil {
			t.Fatal(err)
		}
		files, err := fs.Glob(schema, "*/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			statement, err := fs.ReadFile(schema, file)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&found, "%x  %s/%s\n", sha256.Sum256(statement), service, file)
		}
	}
	if found.String() != string(frozen) {
		t.Errorf("the schema files are\n%s\nand were\n%s", found.String(), frozen)
	}
}
