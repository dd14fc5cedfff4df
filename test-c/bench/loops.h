/* The loops whose time shows the library itself. There are two of each: loops.c calls a library, bare.c makes the bare
 * system calls. together.c loads both as shared objects and finds them by the work's name. */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include <liburing.h>

/* Batches of `depth` nops, one call for each batch. */
void nop(struct io_uring *ring, unsigned depth, long operations);
/* One nop after another: submit, then wait. `depth` is 1. */
void single(struct io_uring *ring, unsigned depth, long operations);
/* Rings of `depth` entries, made and ended; `ring` isn't looked at. */
void create(struct io_uring *ring, unsigned depth, long operations);

#endif
