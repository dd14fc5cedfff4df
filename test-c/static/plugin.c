/* Loads round.c as a shared library that contains our archive. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	void *plugin = argc > 2 ? dlopen(argv[2], RTLD_NOW | RTLD_LOCAL) : NULL;
	int (*round_trip)(const char *);

	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	*(void **)&round_trip = dlsym(plugin, "round_trip");
	return round_trip ? round_trip(argv[1]) : 1;
}
