# Makes a system the root of a namespace of its own, so that all mounts and processes end with this one. A chroot would
# not do, as the kernel refuses user namespaces in one.
#
#   unshare --mount --pid --fork --kill-child sh fresh.sh SYSTEM COMMAND...
set -eu
system=$1
shift
mount --bind "$system" "$system"
mount -t proc proc "$system/proc"
mount --rbind /sys "$system/sys"
mount --rbind /dev "$system/dev"
mount -t tmpfs -o mode=1777 shm "$system/dev/shm"
cp -L /etc/resolv.conf "$system/etc/resolv.conf"
cd "$system"
pivot_root . mnt
exec chroot . sh -ec 'umount -l /mnt; cd; exec "$@"' sh "$@"
