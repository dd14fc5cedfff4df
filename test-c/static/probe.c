/* A probe given to free(), as programs did before there was io_uring_free_probe(). Nothing here calls calloc(): without
 * a reference from the archive a static program would not have it. */
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	struct io_uring_probe *probe = io_uring_get_probe();

	if (!probe || !io_uring_opcode_supported(probe, IORING_OP_NOP)) {
		fprintf(stderr, "no probe\n");
		return 1;
	}
	free(probe);
	probe = io_uring_get_probe();
	io_uring_free_probe(probe);
	return !probe;
}
