/* Stands for a liburing: says which one it is. By the name of its setting it is known to have the engine. */
#ifdef ENGINE
const char io_uring_setting[] = "IRONRING_LOG";
#endif

int io_uring_major_version(void)
{
	return WHICH;
}
