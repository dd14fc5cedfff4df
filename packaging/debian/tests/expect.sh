# Assertions that print what was wanted and what was seen, and exit.

# expect PATTERN TEXT: a line of the text matches the pattern.
expect() {
	printf '%s\n' "$2" | grep -q -x -e "$1" || { printf 'wanted: %s\nsaw:    %s\n' "$1" "$2"; exit 1; }
}

# lacks PATTERN TEXT: no line contains the pattern.
lacks() {
	! printf '%s\n' "$2" | grep -e "$1" || { printf 'wanted: no %s, as above\nsaw:    %s\n' "$1" "$2"; exit 1; }
}

# same WANTED SAW: the two files are equal.
same() {
	diff -u --label wanted --label saw "$1" "$2" || exit 1
}
