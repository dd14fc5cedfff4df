# PostgreSQL 18 with io_method=io_uring: pgbench, a crash during it, recovery.
set -eu
. /tests/facts.sh
cd /shared

fact version "${VERSION:-$(dpkg-query -W -f '${Version}' postgresql-18)}"
bin=${bin:-/usr/lib/postgresql/18/bin} data=/shared/data
chown postgres /shared
as() {
	setpriv --reuid=postgres --regid=postgres --clear-groups env -C /shared "$@"
}
as "$bin/initdb" --pgdata="$data" --auth=trust --no-sync > initdb.log 2>&1 || die "$(cat initdb.log)"
cat >> "$data/postgresql.conf" <<-CONF
	io_method = io_uring
	listen_addresses = ''
	unix_socket_directories = '/shared'
	shared_buffers = 16MB
	max_connections = 20
	max_worker_processes = 4
	debug_io_direct = data
CONF

sql() {
	as psql -h /shared -X -A -t -v ON_ERROR_STOP=1 -c "$1" postgres
}
answers() {
	as "$bin/pg_isready" -q -h /shared
}
start() {
	as "$bin/postgres" -D "$data" >> log 2>&1 &
	await 'postgres answers' answers
	server=$(head -n 1 "$data/postmaster.pid")
}
bench() {
	# Each client has a seed of its own, so the transactions have the same sum in any order.
	as pgbench -h /shared -n -c 4 -t 250 --random-seed="$1" postgres > bench.log 2>&1 || die "$(cat bench.log)"
	sed -n 's/^number of transactions actually processed: //p' bench.log
}
tables() {
	fact "$1" "$(sql "SELECT md5(string_agg(aid || ':' || abalance, ',' ORDER BY aid)), count(*), sum(abalance) FROM pgbench_accounts") $(
		sql "SELECT md5(string_agg(tid || ':' || tbalance, ',' ORDER BY tid)) FROM pgbench_tellers") $(
		sql "SELECT count(*), sum(delta) FROM pgbench_history")"
}

start
fact io_method "$(sql 'SHOW io_method')"
as pgbench -h /shared -q -i -s 5 postgres > init.log 2>&1 || die "$(cat init.log)"
fact transactions "$(bench 7)"
tables loaded
fact reads "$(sql "SELECT sum(reads) > 1000 FROM pg_stat_io")"
proof "$server"

# One transaction is committed before the crash, another one is not, and only the log is written.
fact more_transactions "$(bench 8)"
tables committed
as psql -h /shared -X -q -c "BEGIN; UPDATE pgbench_accounts SET abalance = 1 WHERE aid <= 50000; SELECT pg_sleep(600)" \
	postgres > /dev/null 2>&1 &
sleeping() {
	[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ]
}
await 'a transaction is open' sleeping
# Kills the first process first: it would start recovery as soon as one of the others died.
kill -9 "$server" $(pgrep -P "$server")
gone() {
	! pgrep -x postgres > /dev/null
}
await 'all of postgres is gone' gone

start
fact recovered "$(grep -c 'automatic recovery in progress' log)"
tables recovered
fact transactions_afterwards "$(bench 9)"
tables at_last
proof "$server"
kill -INT "$server"
await 'postgres ends' gone
fact end "$(sed -n '$s/.*LOG: *//p' log)"
