# PostgreSQL from the source package, against the -dev package that is installed; then it does what Debian's does.
set -eu
. /tests/facts.sh
cd /shared

mkdir build
cd build
CFLAGS=-O0 /usr/src/postgresql-18-*/configure --prefix=/opt/postgresql --with-liburing --without-icu --without-readline \
	--without-zlib > ../build.log 2>&1 || die "$(tail -n 20 ../build.log)"
make -s -j 2 install >> ../build.log 2>&1 || die "$(tail -n 20 ../build.log)"
VERSION=$(dpkg-parsechangelog -l "$(echo /usr/src/postgresql-18-*/debian/changelog)" -S Version)
bin=/opt/postgresql/bin
PATH=$bin:$PATH
id postgres > /dev/null 2>&1 || useradd --system postgres
cd ..
. /tests/postgresql.sh
