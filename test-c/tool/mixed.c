/* Under the policy auto: a ring of the kernel's and one of the engine's in one process, both registered with the thread, and
 * nops through their registered indices. */
#include <errno.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int fail(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	return 1;
}

/* From now on io_uring_setup(2) fails with ENOMEM. */
static int refuse(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}

static int make(struct io_uring *ring)
{
	int ret = io_uring_queue_init(4, ring, 0);

	if (ret)
		return fail("io_uring_queue_init", ret);
	ret = io_uring_register_ring_fd(ring);
	if (ret != 1)
		return fail("io_uring_register_ring_fd", ret);
	return 0;
}

int main(void)
{
	struct io_uring rings[2];
	struct io_uring_cqe *cqe;
	unsigned n;
	int ret;

	if (make(&rings[0]))
		return 1;
	ret = refuse();
	if (ret)
		return fail("seccomp", ret);
	if (make(&rings[1]))
		return 1;
	if (rings[0].enter_ring_fd == rings[1].enter_ring_fd) {
		fprintf(stderr, "both rings have index %d\n", rings[0].enter_ring_fd);
		return 1;
	}
	for (n = 0; n < 8; n++) {
		struct io_uring *ring = &rings[n % 2];
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, n);
		ret = io_uring_submit_and_wait(ring, 1);
		if (ret != 1)
			return fail("io_uring_submit_and_wait", ret);
		if (io_uring_peek_cqe(ring, &cqe) || cqe->user_data != n || cqe->res) {
			fprintf(stderr, "nop %u has no completion in its ring\n", n);
			return 1;
		}
		io_uring_cqe_seen(ring, cqe);
	}
	io_uring_queue_exit(&rings[0]);
	io_uring_queue_exit(&rings[1]);
	return 0;
}
