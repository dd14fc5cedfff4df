# plocate: updatedb builds a database, and plocate searches it and checks through io_uring whether the files exist.
set -eu
. /tests/facts.sh
cd /shared

fact version "$(dpkg-query -W -f '${Version}' plocate)"
tree
updatedb --database-root "$PWD/tree" --output db --require-visibility no --prunefs '' --prunepaths '' --prune-bind-mounts no

search all plocate --database db file
search folder plocate --database db folder17/
search both plocate --database db folder3 e-4
search ignoring_case plocate --database db --ignore-case FOLDER8/FILE-49
# It checks each of these with a request of its own.
rm -r tree/folder17
search existing plocate --database db --existing folder1
fact removed "$(grep -c folder17 found || true)"
