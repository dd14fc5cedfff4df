/* Uses every kind of macro in liburing.h, with arguments of every shape. Compiled, not run, in every C and C++ dialect
 * with every warning enabled, so that the compiler also checks all inline functions. */
#if defined(IN_EXTERN_C) && defined(__cplusplus)
extern "C" {
#include <liburing.h>
}
#else
#include <liburing.h>
#include <liburing.h>
#endif

#ifndef LIBURING_HAVE_DATA64
#error "LIBURING_HAVE_DATA64 is missing"
#endif
#if IO_URING_CHECK_VERSION(2, 0) || !IO_URING_CHECK_VERSION(IO_URING_VERSION_MAJOR + 1, 0)
#error "IO_URING_CHECK_VERSION in a directive"
#endif

struct both {
	struct io_uring ring[2];
	struct io_uring_cqe *cqe[2];
	unsigned head[2];
	struct io_uring_buf_ring *bufs;
	unsigned long stamp;
	unsigned char byte;
	bool flag;
};

unsigned loops(struct both *b, bool second);
unsigned once(struct both *b, const struct both *fixed, bool second);
unsigned ordered(struct both *b, bool second);
unsigned constants(__u64 *wide, int major);

#if defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L)
unsigned loops(struct both *b, bool second)
{
	struct io_uring_cqe *cqe, **slot = &cqe;
	unsigned head, *at = &head, n = 0;

	io_uring_for_each_cqe(&b->ring[0], head, cqe)
		n++;
	io_uring_for_each_cqe(second ? &b->ring[1] : b->ring, *at, *slot) {
		if ((*slot)->res < 0)
			continue;
		if (*at == 3)
			break;
	}
	/* Must be one statement: the else belongs to the outer if. */
	if (second)
		io_uring_for_each_cqe(b->ring + 1, b->head[second ? 1 : 0], b->cqe[1])
			n += b->cqe[1]->flags;
	else
		n--;
	io_uring_for_each_cqe(&b->ring[0], b->head[0], b->cqe[0]) {
		io_uring_for_each_cqe(&b->ring[1], b->head[1], b->cqe[1]) {
			if (b->cqe[0]->user_data == b->cqe[1]->user_data)
				n++;
		}
	}
	return n;
}
#else
unsigned loops(struct both *b, bool second)
{
	return second ? b->head[0] : b->head[1];
}
#endif

unsigned once(struct both *b, const struct both *fixed, bool second)
{
	unsigned long stamp = IO_URING_READ_ONCE(b->stamp) + IO_URING_READ_ONCE(fixed->stamp);
	unsigned char byte = IO_URING_READ_ONCE(b->byte);
	struct io_uring_cqe *cqe = IO_URING_READ_ONCE(b->cqe[second ? 1 : 0]);
	const unsigned limit = 7;

	IO_URING_WRITE_ONCE(b->stamp, stamp);
	IO_URING_WRITE_ONCE(b->byte, byte);
	IO_URING_WRITE_ONCE(*(second ? &b->head[0] : &b->head[1]), *b->ring[0].sq.khead + 1U);
	IO_URING_WRITE_ONCE(b->cqe[1], cqe);
	IO_URING_WRITE_ONCE(b->flag, IO_URING_READ_ONCE(fixed->flag));
	if (uring_likely(second && stamp > 1))
		return IO_URING_READ_ONCE(*b->ring[0].sq.kflags);
	if (uring_unlikely(cqe != b->cqe[1]))
		return IO_URING_READ_ONCE(*(b->head + 1));
	return IO_URING_READ_ONCE(limit);
}

unsigned ordered(struct both *b, bool second)
{
	unsigned tail = io_uring_smp_load_acquire(second ? b->ring[0].cq.ktail : b->ring[1].cq.ktail);
	unsigned short buffers = io_uring_smp_load_acquire(&b->bufs->tail);

	io_uring_smp_mb();
	io_uring_smp_store_release(b->ring[0].cq.khead, tail + 1U);
	io_uring_smp_store_release(&b->bufs->tail, buffers);
	io_uring_smp_store_release(second ? b->head : b->head + 1, tail);
	return tail;
}

/* Macros whose value is more than a plain number or a shift. */
unsigned constants(__u64 *wide, int major)
{
	wide[0] = LIBURING_UDATA_TIMEOUT;
	wide[1] = IORING_ZCRX_AREA_MASK;
	wide[2] = IORING_OFF_SQES;
	wide[3] = SPLICE_F_FD_IN_FIXED;
	if (IO_URING_CHECK_VERSION(major, 2 + 1))
		return IORING_FILE_INDEX_ALLOC;
	return IORING_CQE_F_TSTAMP_HW | IORING_TIMEOUT_CLOCK_MASK | IOSQE_IO_HARDLINK;
}
