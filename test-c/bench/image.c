#define _GNU_SOURCE
#include "image.h"
#include "bench.h"
#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096
#define LINE 64

/* Other processors address data relative to pages, so code can only be moved by whole pages. */
#ifdef __x86_64__
#define LINES (PAGE / LINE)
#else
#define LINES 1
#endif

#define FOR_LOADED(segment, image) \
	for (const ElfW(Phdr) *segment = (image)->segments; segment < (image)->segments + (image)->nr; segment++) \
		if (segment->p_type == PT_LOAD)

struct image image_of(void *object)
{
	struct image image = { 0 };
	const ElfW(Ehdr) *header;
	struct link_map *map;

	must(!dlinfo(object, RTLD_DI_LINKMAP, &map), "dlinfo");
	image.loaded = (char *)map->l_addr;
	header = (const ElfW(Ehdr) *)image.loaded;
	image.segments = (const ElfW(Phdr) *)(image.loaded + header->e_phoff);
	image.nr = header->e_phnum;
	FOR_LOADED(segment, &image)
		image.size = segment->p_vaddr + segment->p_memsz;
	return image;
}

static size_t copy_size(const struct image *image)
{
	return image->size + PAGE;
}

static void copy(struct image *image)
{
	if (image->copy)
		munmap(image->copy, copy_size(image));
	image->copy = mmap(NULL, copy_size(image), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(image->copy != MAP_FAILED, "mmap");
	image->moved = image->copy + rand() % LINES * LINE - image->loaded;
	FOR_LOADED(segment, image) {
		char *from = image->loaded + segment->p_vaddr;

		memcpy(from + image->moved, from, segment->p_memsz);
	}
}

/* Maps an address in one of the loaded images to the same address in its copy; returns others unchanged. */
static char *follow(char *address, const struct image *images, unsigned nr)
{
	for (const struct image *image = images; image < images + nr; image++)
		if (address >= image->loaded && address < image->loaded + image->size)
			return address + image->moved;
	return address;
}

void images_move(struct image *images, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		copy(&images[i]);
	for (struct image *image = images; image < images + nr; image++) {
		FOR_LOADED(segment, image) {
			char **word = (char **)(image->loaded + image->moved + segment->p_vaddr);
			char **end = word + segment->p_memsz / sizeof(*word);

			for (; segment->p_flags & PF_W && word < end; word++)
				*word = follow(*word, images, nr);
		}
		must(!mprotect(image->copy, copy_size(image), PROT_READ | PROT_EXEC), "mprotect");
		__builtin___clear_cache(image->copy, image->copy + copy_size(image));
	}
}
