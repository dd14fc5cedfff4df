/* A loaded object's image, and copies of it that lie elsewhere in their pages. Where code lies decides what it meets in
 * the processor's caches and tables: luck, which stays the same until the file is made anew. Only what is the same in
 * many places is due to the code itself. */
#ifndef BENCH_IMAGE_H
#define BENCH_IMAGE_H

#include <link.h>
#include <stddef.h>

struct image {
	/* As loaded and relocated. */
	char *loaded;
	size_t size;
	const ElfW(Phdr) *segments;
	unsigned nr;
	/* The copy's pages, and how far the copy lies from what is loaded. */
	char *room;
	ptrdiff_t moved;
};

/* What dlopen() gave. */
struct image image_of(void *object);

/* Makes the next copies of objects that point only into themselves and each other, and takes the last ones away. All
 * their data must be constant. */
void images_move(struct image *images, unsigned nr);

#endif
