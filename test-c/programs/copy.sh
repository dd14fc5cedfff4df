# Runs packaging/try-debs DEBS TREE in a disposable copy of this machine: an overlay over its files, whose changes stay
# in memory. It is mounted at /mnt of a mount namespace, so that the mounts end with the last process in it:
#
#   unshare --mount --propagation private --pid --fork --kill-child sh copy.sh DEBS TREE
#
# DEBS and TREE are bind-mounted into the copy, as overlays don't show mounts in the lower folders.
set -eu
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount -t proc proc /mnt/root/proc
mount --rbind /dev /mnt/root/dev
mount -t tmpfs tmpfs /mnt/root/tmp
mkdir -p /mnt/root/tmp/debs /mnt/root/tmp/tree
mount --bind "$1" /mnt/root/tmp/debs
mount --bind "$2" /mnt/root/tmp/tree
exec chroot /mnt/root /tmp/tree/packaging/try-debs /tmp/debs /tmp/tree
