# Says both sides of what isn't as it should be, and gives up.

# expect PATTERN TEXT: a line of the text is what the pattern says.
expect() {
	printf '%s\n' "$2" | grep -q -x -e "$1" || { printf 'wanted: %s\nsaw:    %s\n' "$1" "$2"; exit 1; }
}

# lacks PATTERN TEXT: no line has the pattern in it.
lacks() {
	! printf '%s\n' "$2" | grep -e "$1" || { printf 'wanted: no %s, as above\nsaw:    %s\n' "$1" "$2"; exit 1; }
}

# same WANTED SAW: two files are equal.
same() {
	diff -u --label wanted --label saw "$1" "$2" || exit 1
}
