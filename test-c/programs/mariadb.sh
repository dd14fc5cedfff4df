# MariaDB with io_uring as its native asynchronous I/O: load, query, kill in the middle of a transaction, recover.
set -eu
. /tests/facts.sh
cd /shared

fact version "$(dpkg-query -W -f '${Version}' mariadb-server)"
data=/shared/data socket=/shared/socket log=/shared/log.err
install -d -o mysql "$data"
chown mysql /shared
mariadb-install-db --no-defaults --user=mysql --datadir="$data" --skip-test-db --skip-name-resolve --auth-root-authentication-method=normal > install.log 2>&1 ||
	die "$(cat install.log)"

sql() {
	mariadb --no-defaults --socket="$socket" --batch --skip-column-names --execute "$1" test_io
}

answers() {
	mariadb-admin --no-defaults --socket="$socket" ping > /dev/null 2>&1
}

start() {
	# A small buffer pool, so that pages are read and written all the time.
	mariadbd --no-defaults --user=mysql --datadir="$data" --socket="$socket" --log-error="$log" --skip-networking \
		--innodb-use-native-aio=ON --innodb-flush-method=O_DIRECT --innodb-buffer-pool-size=24M \
		--innodb-fast-shutdown=0 &
	server=$!
	await 'mariadbd answers' answers
}

# The facts about the tables, which are compared between runs.
tables() {
	fact "$1_checksums" "$(sql 'CHECKSUM TABLE plain, wide EXTENDED' | tr '\n\t' '  ')"
	fact "$1_rows" "$(sql 'SELECT COUNT(*), SUM(id), SUM(CRC32(words)) FROM plain; SELECT COUNT(*), SUM(LENGTH(body)) FROM wide' | tr '\n\t' '  ')"
}

start
fact native_aio "$(mariadb --no-defaults --socket="$socket" -BN -e 'SELECT @@innodb_use_native_aio')"
fact log_says "$(sed -n 's/.*InnoDB: Using \(.*uring\).*/\1/p' "$log")"
mariadb --no-defaults --socket="$socket" -e 'CREATE DATABASE test_io'
sql "CREATE TABLE plain (id INT PRIMARY KEY, words VARCHAR(100), KEY (words)) ENGINE=InnoDB;
	INSERT INTO plain SELECT seq, CONCAT(MD5(seq), ' ', SHA1(seq * 7)) FROM seq_1_to_50000;
	CREATE TABLE wide (id INT PRIMARY KEY, body LONGTEXT) ENGINE=InnoDB;
	INSERT INTO wide SELECT seq, REPEAT(MD5(seq), 1000) FROM seq_1_to_500;
	UPDATE plain SET words = REVERSE(words) WHERE id % 3 = 0;
	DELETE FROM plain WHERE id % 17 = 0"
tables loaded
fact query "$(sql "SELECT COUNT(*), MIN(id), MAX(id) FROM plain WHERE words LIKE 'a%'" | tr '\t' ' ')"
proof "$server"

# One transaction is committed before the kill, another one is not.
sql "INSERT INTO plain SELECT seq, MD5(seq) FROM seq_200001_to_210000"
tables committed
sql "BEGIN; DELETE FROM plain; UPDATE wide SET body = 'lost'; SELECT 'begun'; SELECT SLEEP(600)" > open.out 2> /dev/null &
undone() {
	[ "$(sql "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_rows_modified > 50000")" = 1 ] &&
		[ "$(sql "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'")" = 1 ]
}
await 'a transaction is open' undone
kill -9 "$server"
wait "$server" || true
rm -f "$socket"

start
fact recovered "$(grep -c 'Starting crash recovery' "$log")"
tables recovered
proof "$server"
fact checked "$(sql 'CHECK TABLE plain, wide EXTENDED' | cut -f 3,4 | tr '\n\t' '  ')"
mariadb-admin --no-defaults --socket="$socket" shutdown
wait "$server" || die "mariadbd ends badly: $(tail -n 5 "$log")"
