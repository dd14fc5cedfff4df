/* A part as another language would have it, with the helpers from liburing-ffi. */
struct io_uring;
struct io_uring_sqe;
struct io_uring_sqe *io_uring_get_sqe(struct io_uring *ring);
void io_uring_prep_nop(struct io_uring_sqe *sqe);
int io_uring_submit(struct io_uring *ring);
int io_uring_major_version(void);
int other(struct io_uring *ring);

int other(struct io_uring *ring)
{
	io_uring_prep_nop(io_uring_get_sqe(ring));
	return io_uring_major_version() > 1 ? io_uring_submit(ring) : -1;
}
