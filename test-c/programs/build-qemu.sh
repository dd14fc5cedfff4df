# Builds qemu-img from the source package with the installed -dev package, and then runs it as qemu.sh runs Debian's.
set -eu
. /tests/facts.sh
cd /shared

mkdir build
cd build
/usr/src/qemu-*/configure --without-default-features --disable-system --disable-user --enable-tools \
	--enable-linux-io-uring --extra-cflags=-O0 > ../build.log 2>&1 || die "$(tail -n 20 ../build.log)"
ninja -j 2 qemu-img >> ../build.log 2>&1 || die "$(tail -n 20 ../build.log)"
VERSION=$(dpkg-parsechangelog -l "$(echo /usr/src/qemu-*/debian/changelog)" -S Version)
PATH=$PWD:$PATH
[ "$(command -v qemu-img)" = "$PWD/qemu-img" ] || die 'no qemu-img was built'
cd ..
. /tests/qemu.sh
