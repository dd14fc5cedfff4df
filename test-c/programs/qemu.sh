# qemu-img: bench writes and reads, convert and compare, all through io_uring.
set -eu
. /tests/facts.sh
cd /shared

fact version "${VERSION:-$(dpkg-query -W -f '${Version}' qemu-utils)}"
seq 1 20000000 | head -c 100663296 > input
fact input "$(sum input)"
raw() {
	echo "driver=raw,file.driver=file,file.filename=$1,file.aio=io_uring,file.cache.direct=on"
}

truncate -s 96M disk
qemu-img bench -q -i io_uring -t none -w --pattern=90 -c 60000 -d 64 -s 4096 -f raw disk > /dev/null &
proof $!
wait $! || die 'qemu-img bench -w fails'
fact written "$(sum disk)"
cp input disk
qemu-img bench -q -i io_uring -t none -c 60000 -d 64 -s 4096 -f raw disk > /dev/null &
proof $!
wait $! || die 'qemu-img bench fails'
fact read "$(sum disk)"

truncate -s 96M raw
traced qemu-img convert -n -m 16 --image-opts --target-image-opts "$(raw input)" "$(raw raw)"
cat proof
fact converted "$(sum raw)"
cmp raw input
traced qemu-img compare -q --image-opts "$(raw input)" "$(raw raw)"
cat proof
fact compared same
printf x | dd of=raw bs=1 seek=50000000 conv=notrunc status=none
# 1: they differ
code=0
qemu-img compare -q --image-opts "$(raw input)" "$(raw raw)" || code=$?
fact compared_with_another $code
