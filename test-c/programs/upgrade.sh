# Replaces the original's packages with ours, and back, while programs use them.
#
# /shared contains our packages in debs/, and the program reader.
set -eu
. /tests/facts.sh
cd /shared

theirs='liburing2 liburing-dev'
ours='' without=''
for deb in debs/*.deb; do
	name=$(dpkg-deb --field "$deb" Package)
	ours="$ours $name" without="$without $name-"
done
version() {
	dpkg-query -W -f '${Version}' "$1"
}
fact version "$(version liburing2)"
back=
for package in $theirs; do
	back="$back $package=$(version "$package")"
done

# Every file of this system, except the records of apt, dpkg and ldconfig.
snapshot() {
	find / -xdev \( -path /shared -o -path /tests -o -path /tmp -o -path /run -o -path /var/log -o -path /var/cache \
		-o -path /var/lib/apt -o -path '/var/lib/dpkg/*-old' -o -path /var/lib/dpkg/status -o -path /var/lib/dpkg/lock \
		-o -path /var/lib/dpkg/lock-frontend -o -path /var/lib/dpkg/triggers -o -path /var/lib/dpkg/available \) -prune \
		-o \( -type d -printf '%p %y %m %u %g\n' -o -printf '%p %y %m %u %g %s %l\n' \) | sort > "$1"
	find /etc /var/lib/dpkg/info /usr/lib /usr/include \( -name '*uring*' -o -path '/etc/*' -o -path '/var/lib/dpkg/info/*' \) \
		-type f -exec sha256sum {} + | sort -k 2 >> "$1"
	dpkg-query -W -f '${binary:Package} ${Version} ${db:Status-Abbrev}\n' >> "$1"
}

# One block per number, which it starts with.
n=0
while [ $n -lt 256 ]; do
	printf "\\$(printf %o $n)\0\0\0\0\0\0\0"
	head -c 4088 /dev/zero
	n=$((n + 1))
done > numbers

readers=
run_reader() {
	./reader &
	pid=$!
	readers="$readers $pid"
	await "reader $pid reads" has_requests "$pid"
}
goes_on() {
	[ "$(requests "$1")" -gt "$before" ]
}
# The readers started so far keep reading with the libraries that they have mapped.
look() {
	list=
	for pid in $readers; do
		kill -0 "$pid" || die "reader $pid has ended"
		before=$(requests "$pid")
		await "reader $pid goes on reading" goes_on "$pid"
		list="$list $(library "$pid")"
	done
	fact "$1" "$list"
}
# In an intact system each of these is one word.
state() {
	folder=$(dirname "$(ldconfig -p | sed -n 's/.*liburing.so.2 .*=> //p' | head -n 1)")
	fact "$1_link" "$(readlink -f "$folder/liburing.so.2" | sed 's/.*\.so/so/')"
	fact "$1_ldconfig" "$(ldconfig -p | sed -n 's/.*=> .*\(liburing.*\)/\1/p' | sort -u | tr '\n' ' ')"
	fact "$1_owners" "$(dpkg -S 'liburing*.so*' 'liburing*.a' liburing.h liburing.pc 2>&1 | sed 's/:.*//' | sort -u | tr '\n' ' ')"
	# This system omits documentation.
	fact "$1_verify" "$(dpkg --verify 2>&1 | grep -v ' /usr/share/\(man\|doc\|locale\|info\)/' | tr '\n' ' ')ok"
	fact "$1_audit" "$(dpkg --audit)ok"
	fact "$1_packages" "$(dpkg-query -W -f '${Package}:${db:Status-Abbrev}\n' $theirs $ours 2> /dev/null | sed 's/ *$//; /:un$/d' | sort | tr "\n" " ")"
}

snapshot before
run_reader
look reading_on_theirs
state theirs

eatmydata apt-get -qq -y --no-install-recommends install ./debs/*.deb >&2
run_reader
look reading_on_ours
state ours

eatmydata apt-get -qq -y --no-install-recommends install $back $without >&2
run_reader
look reading_after_rollback
state again
snapshot after

touch stop
for pid in $readers; do
	wait "$pid" || die "reader $pid fails"
done
fact left "$(diff before after | grep '^[<>]' | head -n 20 | tr '\n' ' ')nothing"
