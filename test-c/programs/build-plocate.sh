# plocate from its source package, by Debian's own rules, against the -dev package that is installed.
set -eu
. /tests/facts.sh
cd /shared

cp -r /usr/src/plocate-*/ build
cd build
DEB_BUILD_OPTIONS='nocheck parallel=2' dpkg-buildpackage -b -us -uc > ../build.log 2>&1 || die "$(tail -n 20 ../build.log)"
VERSION=$(dpkg-parsechangelog -S Version)
mkdir programs
ln -s "$PWD"/obj-*/plocate "$PWD"/obj-*/updatedb programs/
PATH=$PWD/programs:$PATH
plocate --version > /dev/null
cd ..
. /tests/plocate.sh
