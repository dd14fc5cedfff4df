/* Faults in a library's handling of errors. `cargo xtask faults --self-test` wraps the right functions, which are
 * called `right_` here, with one after the other, and each must be detected. */
#include <liburing.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#if defined(INTERRUPTED_IS_NOTHING)

int right_submit(struct io_uring *ring);

int io_uring_submit(struct io_uring *ring)
{
	int ret = right_submit(ring);

	return ret == -EINTR ? 0 : ret;
}

#elif defined(DESCRIPTOR_KEPT)

int right_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);

int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
	struct io_uring_params p = { .flags = 0 };
	int ret = right_queue_init(entries, ring, flags);

	if (ret == -ENOMEM)
		io_uring_setup(1, &p);
	return ret;
}

#elif defined(MEMORY_KEPT)

struct io_uring_buf_ring *right_setup_buf_ring(struct io_uring *ring, unsigned nentries, int bgid, unsigned flags,
					       int *err);

struct io_uring_buf_ring *io_uring_setup_buf_ring(struct io_uring *ring, unsigned nentries, int bgid, unsigned flags,
						  int *err)
{
	struct io_uring_buf_ring *made = right_setup_buf_ring(ring, nentries, bgid, flags, err);
	register long protection __asm__("rdx") = PROT_READ | PROT_WRITE;
	register long kind __asm__("r10") = MAP_ANONYMOUS | MAP_PRIVATE;
	register long fd __asm__("r8") = -1;
	register long offset __asm__("r9") = 0;
	long address;

	if (!made)
		__asm__ volatile("syscall"
				 : "=a"(address)
				 : "0"((long)SYS_mmap), "D"(0L), "S"(4096L), "r"(protection), "r"(kind), "r"(fd),
				   "r"(offset)
				 : "rcx", "r11", "memory");
	return made;
}

#elif defined(DESCRIPTOR_FORGOTTEN)

int right_unregister_ring_fd(struct io_uring *ring);

int io_uring_unregister_ring_fd(struct io_uring *ring)
{
	int ret = right_unregister_ring_fd(ring);

	if (ret == -EBUSY)
		ring->enter_ring_fd = ring->ring_fd;
	return ret;
}

#endif
