#!/bin/sh
# Prints the path of a program that runs MySQL's own server, for `stack up -mysqld`. Debian's stable releases have MariaDB
# alone, so this puts the server of Debian sid, with all libraries that it needs, into a directory of its own.
#
#   scripts/stack/mysql-root.sh DIR      (as root; needs mmdebstrap; 500 MB)
set -eu
dir=$1
run=$dir/mysqld
if [ -x "$run" ] && [ -x "$dir/root/usr/bin/mysql" ]; then
  echo "$run"
  exit
fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
rm -rf "$dir/root.partial"
mmdebstrap --quiet --mode=root --variant=minbase --include=mysql-server-core,mysql-client-core \
  --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' `# mirrors lag behind sid` \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  sid "$dir/root.partial" \
  "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${DEBIAN_MIRROR:-http://deb.debian.org/debian} sid main" >&2
rm -rf "$dir/root"
mv "$dir/root.partial" "$dir/root"
# Sid's own loader and libraries: those of this machine are older. What a call says comes first, as --no-defaults must.
loader=$(readlink -f "$dir"/root/usr/lib*/ld-linux-*.so.*)
cat >"$run.new" <<EOF
#!/bin/sh
exec "$loader" --library-path "$(dirname "$loader")" "$dir/root/usr/sbin/mysqld" "\$@" \\
  --basedir="$dir/root/usr" --lc-messages-dir="$dir/root/usr/share/mysql" --plugin-dir="$dir/root/usr/lib/mysql/plugin"
EOF
chmod 755 "$run.new"
mv "$run.new" "$run"
echo "$run"
