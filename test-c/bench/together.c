/* Several libraries in one process take turns on one ring, so that only their code differs.
 *
 *	together LOOP DEPTH MILLISECONDS SEED SIDE...
 *
 * A side is a shared object with the loops (loops.h), or LIBRARY,LOOPS. Each is loaded into a namespace of its own,
 * and copied to other addresses (image.h). Prints the nanoseconds per operation of each side in the given order: the
 * median of its slices, which together take about MILLISECONDS. */
#define _GNU_SOURCE
#include "bench.h"
#include "image.h"
#include <dlfcn.h>
#include <liburing.h>
#include <string.h>

#define MOST_SIDES 8
/* In nanoseconds: long compared with the clock's overhead, short compared with other activity of the machine. */
#define SLICE 100000
/* The number of slices that a side runs at one address. */
#define STAY 2

typedef void loop(struct io_uring *ring, unsigned depth, long operations);

struct side {
	struct image images[2];
	unsigned nr;
	/* Its address in the last image, as loaded. */
	char *loop;
	int64_t *times;
};

static void *load(struct side *side, Lmid_t space, const char *path)
{
	void *object = dlmopen(space, path, RTLD_NOW);

	if (!object) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	side->images[side->nr++] = image_of(object);
	return object;
}

static void side_make(struct side *side, char *objects, const char *name, unsigned slices)
{
	char *comma = strchr(objects, ',');
	Lmid_t space = LM_ID_NEWLM;

	side->nr = 0;
	if (comma) {
		*comma = 0;
		must(!dlinfo(load(side, LM_ID_NEWLM, objects), RTLD_DI_LMID, &space), objects);
		objects = comma + 1;
	}
	side->loop = dlsym(load(side, space, objects), name);
	side->times = malloc(slices * sizeof(*side->times));
	must(side->loop && side->times, name);
}

static int64_t timed(const struct side *side, struct io_uring *ring, unsigned depth, long batch, long operations)
{
	loop *run = (loop *)(side->loop + side->images[side->nr - 1].moved);
	int64_t start;

	/* Warms the caches with an eighth of the operations, or with one batch if that is more. */
	run(ring, depth, operations / 8 > batch ? operations / 8 : batch);
	start = now();
	run(ring, depth, operations);
	return now() - start;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	unsigned depth, slices, nr = (unsigned)argc - 5;
	struct side sides[MOST_SIDES];
	struct io_uring ring;
	long batch, operations;

	if (argc < 6 || nr > MOST_SIDES) {
		fprintf(stderr, "together LOOP DEPTH MILLISECONDS SEED SIDE...\n");
		return 2;
	}
	depth = (unsigned)atoi(argv[2]);
	slices = (unsigned)atoi(argv[3]) * (1000000 / SLICE);
	srand((unsigned)atoi(argv[4]));
	must(!io_uring_queue_init(depth, &ring, 0), "ring");
	for (unsigned i = 0; i < nr; i++)
		side_make(&sides[i], argv[5 + i], argv[1], slices);
	batch = strcmp(argv[1], "create") ? depth : 1;
	operations = batch;
	while (timed(&sides[0], &ring, depth, batch, operations) < SLICE)
		operations *= 2;
	for (unsigned slice = 0; slice < slices; slice++) {
		unsigned order[MOST_SIDES];

		/* A new random order each time, so that no side always runs after the same other one. */
		for (unsigned i = 0; i < nr; i++) {
			unsigned at = (unsigned)rand() % (i + 1);

			order[i] = order[at];
			order[at] = i;
			if (slice % STAY == 0)
				images_move(sides[i].images, sides[i].nr);
		}
		for (unsigned i = 0; i < nr; i++) {
			struct side *side = &sides[order[i]];

			side->times[slice] = timed(side, &ring, depth, batch, operations);
		}
	}
	for (unsigned i = 0; i < nr; i++) {
		qsort(sides[i].times, slices, sizeof(*sides[i].times), by_size);
		printf("%.3f\n", (double)sides[i].times[slices / 2] / (double)operations);
	}
	return 0;
}
