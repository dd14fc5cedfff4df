# What the scripts here share. Each runs in a chroot, the same for the peer and for ours, and prints facts as lines
# `key=value`. Rust compares them: `library`, `requests` and `version` tell how it was done, all others are results.

fact() {
	echo "$1=$2"
}

die() {
	echo "$*" >&2
	exit 1
}

# Waits for something to be so; the first argument says what.
await() {
	what=$1 tries=600
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || die "waited a minute in vain: $what"
		sleep 0.1
	done
}

# The requests that a process has handed to its rings so far, by the kernel's account.
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

# The kernel doesn't always tell: not while it is busy with the ring.
has_requests() {
	seen=$(requests "$1")
	[ "$seen" -gt 0 ]
}

# Which liburing a process has mapped, by the bytes of the mapped file: its name may lead elsewhere by now.
library() {
	range=$(sed -n '/liburing[^/]*$/{s/ .*//;p;q}' "/proc/$1/maps")
	[ -n "$range" ] || { echo none; return; }
	# The kernel names these files without leading zeroes, as maps may have them.
	range=$(echo "$range" | sed 's/^0*//; s/-0*/-/')
	sha256sum "/proc/$1/map_files/$range" | sed 's/ .*//'
}

# Facts of a process that runs: its library, and that io_uring does its work.
proof() {
	await "process $1 uses a ring" has_requests "$1"
	fact library "$(library "$1")"
	fact requests "$seen"
}

sum() {
	sha256sum "$@" | sed 's/ .*//' | tr '\n' ' ' | sed 's/ $//'
}

# Runs a program that is too quick to look into while it runs, and gives the same facts of it. What it prints goes to
# standard output, the facts to the file `proof`: `cat` it afterwards.
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

# Makes 40 folders with 500 files each.
tree() {
	mkdir tree
	seq -f 'tree/folder%g' 1 40 | xargs mkdir
	for folder in tree/*; do
		seq -f "$folder/file-%g.txt" 1 500
	done | xargs touch
}

# Runs a program that lists files; the fact is what it lists, in whatever order.
search() {
	name=$1
	shift
	traced "$@" > found || die "$* fails"
	cat proof
	fact "$name" "$(wc -l < found) lines, $(sort found | sha256sum | cut -c 1-64)"
}
