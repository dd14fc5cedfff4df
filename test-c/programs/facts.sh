# What the scripts here share. Each runs in the same chroot for the peer and for ironring, and prints facts as lines
# `key=value`. Rust compares them: `library`, `requests` and `version` describe the run, all others are results.

fact() {
	echo "$1=$2"
}

die() {
	echo "$*" >&2
	exit 1
}

# Waits until a command succeeds; the first argument describes the condition.
await() {
	what=$1 tries=600
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || die "not true after a minute: $what"
		sleep 0.1
	done
}

# The number of requests that a process has submitted to its rings, according to the kernel.
requests() {
	total=0
	for fd in "/proc/$1/fd/"*; do
		case $(readlink "$fd") in
		*'[io_uring]')
			count=$(sed -n 's/^SqTail:[[:space:]]*//p' "/proc/$1/fdinfo/${fd##*/}" 2>/dev/null) || count=
			total=$((total + ${count:-0}))
			;;
		esac
	done 2>/dev/null
	echo $total
}

# The kernel omits the count while the ring is busy.
has_requests() {
	seen=$(requests "$1")
	[ "$seen" -gt 0 ]
}

# The liburing that a process has mapped, by the bytes of the mapped file: its name may refer to another file by now.
library() {
	range=$(sed -n '/liburing[^/]*$/{s/ .*//;p;q}' "/proc/$1/maps")
	[ -n "$range" ] || { echo none; return; }
	# The kernel names these files without the leading zeros of maps.
	range=$(echo "$range" | sed 's/^0*//; s/-0*/-/')
	sha256sum "/proc/$1/map_files/$range" | sed 's/ .*//'
}

# Facts about a running process: its library, and that it uses io_uring.
proof() {
	await "process $1 uses a ring" has_requests "$1"
	fact library "$(library "$1")"
	fact requests "$seen"
}

sum() {
	sha256sum "$@" | sed 's/ .*//' | tr '\n' ' ' | sed 's/ $//'
}

# Runs a program that ends too soon to be examined, and records the same facts. The program's output goes to standard
# output, the facts to the file `proof`: `cat` it afterwards.
traced() {
	code=0
	strace -f -qq -o trace -e trace=openat,io_uring_enter "$@" || code=$?
	file=$(sed -n 's/.*openat(.*"\([^"]*\/liburing[^"/]*\)".*) = [0-9].*/\1/p' trace | tail -n 1)
	{
		fact library "$([ -n "$file" ] && sum "$file" || echo none)"
		fact requests "$(sed -n 's/.*io_uring_enter.* = \([0-9]*\)$/\1/p' trace | awk '{ n += $1 } END { print n + 0 }')"
	} > proof
	return $code
}

# Creates 40 folders with 500 files each.
tree() {
	mkdir tree
	seq -f 'tree/folder%g' 1 40 | xargs mkdir
	for folder in tree/*; do
		seq -f "$folder/file-%g.txt" 1 500
	done | xargs touch
}

# Runs a program that lists files; the fact is its output in sorted order.
search() {
	name=$1
	shift
	traced "$@" > found || die "$* fails"
	cat proof
	fact "$name" "$(wc -l < found) lines, $(sort found | sha256sum | cut -c 1-64)"
}
