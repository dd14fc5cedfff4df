#!/bin/bash
# Runs one of the original's example programs on a file or on loopback: example.sh FOLDER PROGRAM FILE
#
# It exits like the suite's tests, with 0, or with 77 if the program can't work here. The last line says what it did.
# Jobs can be interrupted only with -m.
set -eum
trap 'kill $(jobs -p) 2> /dev/null || :' EXIT

program=$1/$2 file=$3
size=$(stat -c %s "$file")
port=$((20000 + RANDOM % 10000))

fail() {
	echo "$*"
	exit 1
}

serve() {
	"$program" "$@" > server.log 2>&1 &
	server=$!
}

# Ends a server that doesn't exit by itself. One of them has a handler, which exits with 1.
interrupt() {
	kill -INT $server || fail "it ended too early: $(tail -n 3 server.log)"
	wait $server && code=0 || code=$?
	case $code in
	0 | 1 | 130) echo "$*, then ended by SIGINT" ;;
	*) fail "$code after SIGINT: $(tail -n 3 server.log)" ;;
	esac
}

connect() {
	until { exec 3<> /dev/tcp/127.0.0.1/$port; } 2> /dev/null; do
		kill -0 $server || fail "it ended too early: $(tail -n 3 server.log)"
		sleep 0.02
	done
}

copy() {
	head -c "$1" "$file" > from
	"$program" from to
	cmp from to
	echo "copied $1 bytes"
}

# Sends for a second. Arguments: destination, protocol.
packets() {
	said=$("$program" $options -D 127.0.0.1 -p "$1" "$2")
	count=${said#*packets=}
	count=${count%% *}
	[ "$count" -gt 0 ] || fail "it sent nothing: $said"
	echo "$count"
}

case $2 in
io_uring-cp | link-cp)
	copy "$size"
	;;
ucontext-cp)
	# It pauses for a second after each 1024 bytes.
	copy 2500
	;;
io_uring-test | io_uring-close-test)
	"$program" "$file" | grep completed=
	;;
kdigest)
	said=$("$program" sha256 "$file" 2>&1) || case $said in
	*AF_ALG*) echo "built; $said" && exit 77 ;;
	*) fail "$said" ;;
	esac
	sum=$(sha256sum < "$file")
	[[ $said == *${sum%% *}* ]] || fail "sha256sum says $sum, it said $said"
	echo "its sha256 is that of sha256sum"
	;;
echo-server)
	serve $port
	connect
	# One piece at a time: the original's server loses the rest of a short send, which a slow client causes.
	split -b 16384 --filter='tee piece >&3; head -c $(stat -c %s piece) <&3' "$file" > back
	cmp "$file" back
	exec 3>&-
	interrupt "echoed $size bytes"
	;;
io_uring-udp)
	serve -p $port
	exec 3<> /dev/udp/127.0.0.1/$port
	# It has 64 buffers, each of which is reused.
	for count in {1..1000..5}; do
		head -c $count "$file" > packet
		# It may not be listening yet; after that loopback loses nothing.
		until cat packet >&3 && timeout 2 dd bs=2000 count=1 <&3 > back; do
			kill -0 $server && [ $count = 1 ] || fail "datagram $count didn't come back"
			sleep 0.02
		done 2> /dev/null
		cmp packet back
	done
	interrupt "echoed 200 datagrams"
	;;
proxy)
	# One direction only: with both, the original's proxy fails on more than a few bytes at a time.
	socat -u TCP-LISTEN:$((port + 1)),bind=127.0.0.1 CREATE:passed &
	serve -B 0 -b 4096 -H 127.0.0.1 -r $port -p $((port + 1))
	connect
	cat "$file" >&3
	until [ "$(stat -c %s passed)" = "$size" ]; do
		kill -0 $server
		sleep 0.1
	done
	cmp "$file" passed
	interrupt "passed on $size bytes"
	;;
send-zerocopy)
	options="-4 -t 1 -s 16000 -n 1"
	"$program" $options -R -p $port tcp &
	receiver=$!
	# It accepts only one connection, so a probe whether it listens would use it up.
	sleep 0.3
	tcp=$(packets $port tcp)
	wait $receiver
	# As a receiver of datagrams, the program itself waits forever for one more.
	socat -u -b 20000 UDP-RECV:$((port + 1)),bind=127.0.0.1 - | { head -c 16000 > datagram && cat > /dev/null; } &
	sleep 0.3
	udp=$(packets $((port + 1)) udp)
	printf 'abcdefghijklmnopqrstuvwxyz%.0s' {1..700} | head -c 16000 | cmp - datagram
	echo "sent $tcp tcp and $udp udp packets"
	;;
reg-wait)
	"$program"
	echo "waited with registered arguments"
	;;
poll-bench | rsrc-update-bench)
	"$program" | tail -n 1
	;;
*)
	echo "built; it needs special network hardware"
	exit 77
	;;
esac
