/* A loaded object's image, and copies of it that lie elsewhere in their pages. Where code lies decides what it meets in
 * the processor's caches and tables: luck, which stays the same until the file is made anew. Only what is the same in
 * many places is due to the code itself. */
#ifndef BENCH_IMAGE_H
#define BENCH_IMAGE_H

#include "bench.h"
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

struct image {
	/* As loaded and relocated, and how far its copy lies from there. */
	char *loaded;
	size_t size;
	ptrdiff_t moved;
	void *copy;
	size_t copy_size;
};

static inline const ElfW(Phdr) *image_segments(const struct image *image, unsigned *nr)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)image->loaded;

	*nr = header->e_phnum;
	return (const ElfW(Phdr) *)(image->loaded + header->e_phoff);
}

static inline struct image image_of(void *object)
{
	struct image image = { 0 };
	const ElfW(Phdr) *segments;
	struct link_map *map;
	unsigned nr;

	must(!dlinfo(object, RTLD_DI_LINKMAP, &map), "dlinfo");
	image.loaded = (char *)map->l_addr;
	segments = image_segments(&image, &nr);
	for (unsigned i = 0; i < nr; i++)
		if (segments[i].p_type == PT_LOAD)
			image.size = segments[i].p_vaddr + segments[i].p_memsz;
	return image;
}

/* Makes the next copies of objects that point only into themselves and each other, and takes the last ones away. All
 * their data must be constant. */
static inline void images_move(struct image *images, unsigned nr)
{
	/* Elsewhere code finds its data by pages, and can only be moved by whole ones. */
#ifdef __x86_64__
	const unsigned lines = 64;
#else
	const unsigned lines = 1;
#endif
	for (struct image *image = images; image < images + nr; image++) {
		size_t shift = (unsigned)rand() % lines * 64;
		const ElfW(Phdr) *segments;
		unsigned count;

		if (image->copy)
			munmap(image->copy, image->copy_size);
		image->copy_size = image->size + 4096;
		image->copy = mmap(NULL, image->copy_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(image->copy != MAP_FAILED, "mmap");
		image->moved = (char *)image->copy + shift - image->loaded;
		segments = image_segments(image, &count);
		for (unsigned i = 0; i < count; i++) {
			char *from = image->loaded + segments[i].p_vaddr;

			if (segments[i].p_type == PT_LOAD)
				memcpy(from + image->moved, from, segments[i].p_memsz);
		}
	}
	for (struct image *image = images; image < images + nr; image++) {
		const ElfW(Phdr) *segments;
		unsigned count;

		segments = image_segments(image, &count);
		for (unsigned i = 0; i < count; i++) {
			char **word = (char **)(image->loaded + image->moved + segments[i].p_vaddr);
			char **end = word + segments[i].p_memsz / sizeof(*word);

			if (segments[i].p_type != PT_LOAD || !(segments[i].p_flags & PF_W))
				continue;
			for (; word < end; word++)
				for (struct image *to = images; to < images + nr; to++)
					if (*word >= to->loaded && *word < to->loaded + to->size) {
						*word += to->moved;
						break;
					}
		}
		must(!mprotect(image->copy, image->copy_size, PROT_READ | PROT_EXEC), "mprotect");
		__builtin___clear_cache(image->copy, (char *)image->copy + image->copy_size);
	}
}

#endif
