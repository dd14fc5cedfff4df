/* One program of two files that both include liburing.h: this one, compiled with and without -DOTHER. */
#include <liburing.h>
#include <string.h>

#ifdef __cplusplus
extern "C"
#endif
int other(struct io_uring_sqe *sqe);

#ifdef OTHER
int other(struct io_uring_sqe *sqe)
{
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data64(sqe, 7);
	return sqe->opcode;
}
#else
int main(void)
{
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	io_uring_prep_close(&sqe, 3);
	io_uring_sqe_set_data64(&sqe, 1);
	return other(&sqe) != IORING_OP_NOP || sqe.user_data != 7 || sqe.fd != -1;
}
#endif
