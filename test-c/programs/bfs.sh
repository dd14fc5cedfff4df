# bfs, a breadth-first find: its threads open folders and examine files through io_uring.
set -eu
. /tests/facts.sh
cd /shared

fact version "$(dpkg-query -W -f '${Version}' bfs)"
tree
search all bfs tree
search named bfs tree -type f -name 'file-4*'
search empty bfs -j2 tree -mindepth 2 -empty -links 1
search sizes bfs -j4 tree -type d -printf '%p %m %y\n'
