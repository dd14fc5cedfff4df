/* The loops that time the library itself, in two versions: loops.c calls a library, bare.c makes bare system calls.
 * together.c loads both as shared objects and finds the functions by the work's name. */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include <liburing.h>

/* Batches of `depth` nops, one call per batch. */
void nop(struct io_uring *ring, unsigned depth, long operations);
/* One nop at a time: submit, then wait. `depth` is 1. */
void single(struct io_uring *ring, unsigned depth, long operations);
/* Creates and exits rings of `depth` entries; ignores `ring`. */
void create(struct io_uring *ring, unsigned depth, long operations);

#endif
