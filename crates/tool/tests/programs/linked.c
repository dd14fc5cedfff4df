/* Linked with a stub: says which one the loader chose. */
#include <stdio.h>

int io_uring_major_version(void);

int main(void)
{
	printf("%d\n", io_uring_major_version());
	return 0;
}
