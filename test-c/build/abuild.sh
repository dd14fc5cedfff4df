# abuild.sh TREE PKGDIR: runs the APKBUILD of a tree as abuild would; Debian has no abuild.
set -eu
cd "$1"
pkgdir=$2
. ./packaging/alpine/APKBUILD
default_dev() { :; }
# Moves files of the package into a subpackage.
amove() {
	for path; do
		test -e "$pkgdir/$path" || { echo "no $path in the package"; exit 1; }
	done
}
build
package
(engine)
dev
for field in pkgname pkgver pkgrel pkgdesc url arch license source provides replaces subpackages; do
	eval "test -n \"\$$field\"" || { echo "APKBUILD sets no $field"; exit 1; }
done
