# Samba's file server with its module io_uring on loopback: smbclient puts and gets files, whose hashes must agree.
set -eu
. /tests/facts.sh
cd /shared

fact version "$(dpkg-query -W -f '${Version}' samba)"
mkdir share private state
chmod 777 share
cat > smb.conf <<-CONF
	[global]
	interfaces = lo
	bind interfaces only = yes
	smb ports = 4450
	disable netbios = yes
	server role = standalone server
	map to guest = bad user
	load printers = no
	private dir = /shared/private
	lock directory = /shared/state
	state directory = /shared/state
	cache directory = /shared/state
	pid directory = /shared/state
	ncalrpc dir = /shared/state/ncalrpc
	log file = /shared/smbd.log
	log level = 1
	[share]
	path = /shared/share
	guest ok = yes
	read only = no
	force user = root
	vfs objects = io_uring
	aio read size = 1
	aio write size = 1
CONF
seq 1 10000000 | head -c 50000000 > big
seq 1 1000 > small
head -c 0 big > empty
mkdir down

smbd -F --no-process-group -s /shared/smb.conf > smbd.out 2>&1 &
server=$!
answers() {
	smbclient -s /shared/smb.conf -p 4450 -N //127.0.0.1/share -c ls > /dev/null 2>&1
}
await 'smbd answers' answers

# The last copy goes into a pipe, so the session stays open until smbd's child for it has been examined.
mkfifo held
smbclient -s /shared/smb.conf -p 4450 -N //127.0.0.1/share -c '
	put big; put small; put empty; get big down/big; get small down/small; get empty down/empty;
	get small held' > client.log 2>&1 &
client=$!
with_ring() {
	for process in /proc/[0-9]*; do
		process=${process#/proc/}
		if [ "$process" != "$server" ] && [ "$(requests "$process")" -gt 0 ]; then
			session=$process
			return
		fi
	done
	return 1
}
await 'a process of smbd uses a ring' with_ring
complete() {
	[ -e down/empty ] || ! kill -0 "$client" 2> /dev/null
}
await 'smbclient has everything' complete
proof "$session"
cat held > down/held
wait "$client" || die "smbclient fails: $(cat client.log)"
! grep NT_STATUS client.log >&2 || die 'smbclient complains'
fact here "$(sum big small empty)"
fact on_the_server "$(cd share && sum big small empty)"
fact back "$(cd down && sum big small empty held)"
fact share "$(ls share | tr '\n' ' ')"
kill "$server"
wait "$server" || true
