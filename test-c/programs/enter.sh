# Runs a command in a folder that contains a system. It needs namespaces of its own, from `unshare`: the mounts and
# all processes end with the first process, however it ends.
#
#   unshare --mount --pid --fork --kill-child --net sh enter.sh LOWER UPPER SHARED COMMAND...
#
# LOWER: the lower layers, newest first, separated by colons. UPPER: the layer for writes; if it is empty, LOWER is one
# folder, which is written to. SHARED becomes /shared, on its own file system, and this script's folder /tests.
set -eu

lower=$1 upper=$2 shared=$3
tests=$(dirname "$0")
shift 3
if [ -n "$upper" ]; then
	mkdir -p "$upper/files" "$upper/work" "$upper/root"
	root=$upper/root
	mount -t overlay -o "lowerdir=$lower,upperdir=$upper/files,workdir=$upper/work" ironring "$root"
else
	root=$lower
fi
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mkdir -p "$root/shared" "$root/tests"
mount --bind "$shared" "$root/shared"
mount --bind -o ro "$tests" "$root/tests"
ip link set lo up
# With access to an outside network, name resolution is needed, too.
if [ -s /etc/resolv.conf ]; then
	rm -f "$root/etc/resolv.conf"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
fi
exec chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
