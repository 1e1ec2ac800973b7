package dbtest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"testing"

	"boxoffice/common/db"
)

// copySchema fills the empty database of a server with what the migrations make there. A server takes seconds for all of
// their changes, so they run once, in a database that is kept under the sum of their files, and its tables are copied. A
// process that died while it made that one is gone on with by the next.
func copySchema(t testing.TB, server, dsn string, migrations fs.FS) {
	t.Helper()
	name := "boxoffice_test_template_" + sumOf(t, migrations)
	execOn(t, server+"/information_schema", "CREATE DATABASE IF NOT EXISTS "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	template := Open(t, server+"/"+name, migrations)
	var tables []string
	if err := template.Reader().SelectContext(t.Context(), &tables, "SHOW TABLES"); err != nil {
		t.Fatal(err)
	}
	var statements []string
	for _, table := range tables {
		var created struct {
			Table     string `db:"Table"`
			Statement string `db:"Create Table"`
		}
		if err := template.Reader().GetContext(t.Context(), &created, "SHOW CREATE TABLE "+table); err != nil {
			t.Fatal(err)
		}
		statements = append(statements, created.Statement)
		var rows int
		if err := template.Reader().GetContext(t.Context(), &rows, "SELECT COUNT(*) FROM "+table); err != nil {
			t.Fatal(err)
		}
		if rows > 0 {
			statements = append(statements, "INSERT INTO "+table+" SELECT * FROM "+name+"."+table)
		}
	}
	execOn(t, dsn, statements...)
}

// execOn runs statements one by one on the database of a DSN.
func execOn(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		Exec(t, d, statement)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// sumOf is short enough for the name of a database, and another one for other schema files.
func sumOf(t testing.TB, migrations fs.FS) string {
	t.Helper()
	files, err := fs.Glob(migrations, "mysql/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, file := range files {
		statement, err := fs.ReadFile(migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(sum, "%s %d %s", file, len(statement), statement)
	}
	return fmt.Sprintf("%.8x", sum.Sum(nil))
}
