/* How long memory must stay valid. Each request waits in a chain until the kernel's thread has taken it and the memory
 * that it points to is unmapped: copied memory makes no difference, memory used later gives -EFAULT. */
#ifndef IRONRING_LIFE_H
#define IRONRING_LIFE_H

#include "page.h"

static char *page, byte, data[64], buf[64];
static int gate[2];

static void start(void)
{
	in_folder();
	make_pipe(gate);
	begin(IORING_SETUP_SQPOLL);
}

static void map(void)
{
	page = mmap(page, LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (page ? MAP_FIXED : 0),
		    -1, 0);
	CHECK(page != MAP_FAILED);
}

static void *at(size_t offset, const void *what, size_t size)
{
	return memcpy(page + offset, what, size);
}

#define AT(OFFSET, WHAT) at(OFFSET, &(WHAT), sizeof(WHAT))
#define STRING(OFFSET, TEXT) ((char *)at(OFFSET, TEXT, sizeof(TEXT)))

static int behind(unsigned completions)
{
	unsigned i;

	CHECK(io_uring_submit(&ring) >= 0);
	while (io_uring_sq_ready(&ring))
		;
	CHECK_SYS(munmap(page, LARGE_PAGE));
	fd_write(gate[1], "x", 1);
	collect(&ring, completions);
	for (i = 0; i < completions; i++) {
		if (many[i].user_data == 2)
			return many[i].res;
	}
	T_FAIL("no completion");
}

#define BEHIND(RES, COMPLETIONS, ...)					\
	do {								\
		map();							\
		sqe = next_sqe(&ring, 1);				\
		io_uring_prep_read(sqe, gate[0], &byte, 1, 0);		\
		sqe->flags |= IOSQE_IO_LINK;				\
		sqe = next_sqe(&ring, 2);				\
		__VA_ARGS__;						\
		CHECK_EQ(behind(COMPLETIONS), RES);			\
	} while (0)

#define COPIED(RES, WORDS, ...) BEHIND(RES, 2, __VA_ARGS__)
#define USED(WORDS, ...) BEHIND(-EFAULT, 2, __VA_ARGS__)

#endif
