# Builds MPD from the source package with the installed -dev package, without its optional parts, and then runs it as
# mpd.sh runs Debian's.
set -eu
. /tests/facts.sh
cd /shared

meson setup build /usr/src/mpd-*/ -Dauto_features=disabled -Dio_uring=enabled -Dsndfile=enabled -Drecorder=true \
	-Dwave_encoder=true -Ddatabase=true -Doptimization=0 -Ddebug=false > build.log 2>&1 || die "$(tail -n 20 build.log)"
ninja -C build -j 2 mpd >> build.log 2>&1 || die "$(tail -n 20 build.log)"
VERSION=$(dpkg-parsechangelog -l "$(echo /usr/src/mpd-*/debian/changelog)" -S Version)
PATH=$PWD/build:$PATH
[ "$(command -v mpd)" = "$PWD/build/mpd" ] || die 'no mpd was built'
# The user that runs Debian's MPD.
id mpd > /dev/null 2>&1 || useradd --system mpd
. /tests/mpd.sh
