/*
 * Lets user-mode Linux run on processors whose vector state is larger than it knows.
 *
 * Linux 6.1 for user mode keeps 832 bytes of it for each process (x87, SSE, AVX), and sets that much. The host takes the
 * whole of it or nothing, so that with AVX-512 or AMX no process starts. This keeps the rest of what was read beside the
 * place into which it was read, and sets both. Loaded by LD_PRELOAD; nothing changes on smaller processors.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define XSTATE 0x202
#define COMPONENTS 512 /* where the state says which of its components are in use */
#define KNOWN 7ULL     /* x87, SSE, AVX */
#define PLACES 4096

struct kept {
	void *place;
	size_t size;
	char state[16384 - 16];
};

static struct kept *keep(void *place, int add)
{
	static struct kept *all;
	size_t first = ((uintptr_t)place >> 6) % PLACES, nth;

	if (all == NULL) {
		all = mmap(NULL, PLACES * sizeof *all, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (all == MAP_FAILED)
			_exit(70);
	}
	for (nth = 0; nth < PLACES; nth++) {
		struct kept *one = &all[(first + nth) % PLACES];
		if (one->place == place)
			return one;
		if (one->place == NULL) {
			if (!add)
				return NULL;
			one->place = place;
			return one;
		}
	}
	_exit(71);
}

static long read_state(pid_t pid, struct iovec *given)
{
	struct kept *kept = keep(given->iov_base, 1);
	struct iovec all = { kept->state, sizeof kept->state };

	kept->size = 0;
	if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, XSTATE, &all) == -1)
		return -1;
	if (all.iov_len < given->iov_len)
		given->iov_len = all.iov_len;
	memcpy(given->iov_base, kept->state, given->iov_len);
	kept->size = all.iov_len;
	return 0;
}

static long set_state(pid_t pid, struct iovec *given)
{
	static char now[sizeof((struct kept *)0)->state] __attribute__((aligned(64)));
	struct kept *kept = keep(given->iov_base, 0);
	struct iovec all = { now, sizeof now };
	uint64_t more, set;

	if (kept != NULL && kept->size > 0) {
		all.iov_base = kept->state;
		all.iov_len = kept->size;
	} else if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, XSTATE, &all) == -1) {
		return -1;
	}
	if (all.iov_len <= given->iov_len || given->iov_len < COMPONENTS + sizeof set)
		return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, XSTATE, given);
	memcpy(&more, (char *)all.iov_base + COMPONENTS, sizeof more);
	memcpy(all.iov_base, given->iov_base, given->iov_len);
	memcpy(&set, (char *)all.iov_base + COMPONENTS, sizeof set);
	set = (set & KNOWN) | (more & ~KNOWN);
	memcpy((char *)all.iov_base + COMPONENTS, &set, sizeof set);
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, XSTATE, &all);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list words;
	pid_t pid;
	void *address, *data;
	long word;

	va_start(words, request);
	pid = va_arg(words, pid_t);
	address = va_arg(words, void *);
	data = va_arg(words, void *);
	va_end(words);
	if (request == PTRACE_GETREGSET && address == (void *)XSTATE)
		return read_state(pid, data);
	if (request == PTRACE_SETREGSET && address == (void *)XSTATE)
		return set_state(pid, data);
	if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSER)
		return syscall(SYS_ptrace, request, pid, address, data);
	if (syscall(SYS_ptrace, request, pid, address, &word) == -1)
		return -1;
	errno = 0;
	return word;
}
