/* A loaded object's image, and copies of it at other offsets in their pages. The address of code decides how it fits
 * the processor's caches and tables: luck, which stays the same until the file is rebuilt. Only a difference that
 * persists at many addresses is due to the code itself. */
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
	/* The copy's pages, and the distance from the loaded image to the copy. */
	char *copy;
	ptrdiff_t moved;
};

/* `object` is the result of dlopen(). */
struct image image_of(void *object);

/* Makes the next copies of objects that point only into themselves and each other, and unmaps the last ones. All their
 * data must be constant. */
void images_move(struct image *images, unsigned nr);

#endif
