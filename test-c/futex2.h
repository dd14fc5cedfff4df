/* The flags of the newer futex calls, which older headers lack. */
#ifndef IRONRING_FUTEX2_H
#define IRONRING_FUTEX2_H

#include <linux/futex.h>

#ifndef FUTEX2_SIZE_U32
#define FUTEX2_SIZE_U32 0x02
#endif
#ifndef FUTEX2_PRIVATE
#define FUTEX2_PRIVATE 128
#endif

#endif
