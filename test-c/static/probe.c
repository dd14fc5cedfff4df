/* Passes a probe to free(), as programs did before io_uring_free_probe() existed. Nothing here calls calloc(): a static
 * program has it only if the archive refers to it. */
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
