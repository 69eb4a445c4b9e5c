// CMPI: the few operations between processes that the package needs, over MPI.
//
// A rank is one of the processes that an MPI launcher started together. Ranks are numbered from 0.
// Compiled with the macro CMPI_ENABLED, the functions use MPI. Compiled without it, they give the
// same results for one rank alone and need no MPI.
//
// Every function that returns an int returns 0 for success. Any other value is a failure, and
// ranks_message() then tells the cause. After a failure inside MPI all further calls fail, because it
// is unknown which data arrived; the process should then call ranks_abort().
//
// The functions may be called from different threads, but never by two threads at once.
//
// A function that waits for other ranks does not keep the processor busy. It looks again and again:
// without a pause for the first 200 microseconds, then with pauses of 1/16 of the time waited so far, at
// least 20 microseconds and at most 4 milliseconds. While pieces of a long message arrive or leave, the
// pauses are at most 200 microseconds.
//
// Long data travels in pieces of 1 MiB through memory of this layer. MPI never keeps an address of the
// caller's memory, so the caller may change or free its memory as soon as a function has returned.

#ifndef CMPI_H
#define CMPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The largest tag that a caller may use. The smallest is 0.
#define RANKS_LARGEST_TAG 8191

/// A message of at most this many bytes is sent without waiting for the receiver.
#define RANKS_SHORT_SIZE 2048

/// Whether an MPI launcher started this process as one of several ranks. Reads the environment only:
/// OMPI_COMM_WORLD_SIZE, PMI_SIZE or SLURM_STEP_NUM_TASKS is above 1. May be called at any time, also
/// in a build without MPI.
bool ranks_are_launched(void);

/// Whether this build uses MPI.
bool ranks_are_built(void);

/// Connects this process with the other ranks. To be called once, by all ranks, before the functions
/// below.
/// - rank, count: receive the number of this rank and the number of all ranks.
/// - local_rank, local_count: receive the same among the ranks on this machine (those that can share
///   memory).
/// - host: receives the name of this machine, ended by a zero byte, cut to host_capacity bytes.
/// Any of the pointers may be NULL. Returns 0, or another value for a failure.
int ranks_begin(int *rank, int *count, int *local_rank, int *local_count, char *host, size_t host_capacity);

/// Sends a message of `size` bytes (0 and more than 2 GiB are allowed) to rank `to` under `tag`.
/// Messages from one rank to another under the same tag arrive in the order in which they were sent.
/// A message of at most RANKS_SHORT_SIZE bytes normally returns at once. A longer one returns when the
/// receiver has taken it; two ranks that send each other long messages at the same time would wait for
/// ever and should use ranks_exchange(). A message to this rank itself is stored and returns at once.
/// Returns 0, or another value for a failure.
int ranks_send(const void *bytes, size_t size, int to, int tag);

/// Looks for the next message under `tag` from rank `from`, or from any rank if `from` is -1.
/// With `waits` true, returns when there is one; otherwise looks once.
/// - source: receives the rank that sent the message, or -1 if there is none.
/// - size: receives the number of bytes of the message, or 0 if there is none.
/// Each message is reported once. Its bytes must then be fetched by ranks_receive(), also if there are
/// none. Returns 0, also if there is no message, or another value for a failure.
int ranks_probe(int from, int tag, bool waits, int *source, size_t *size);

/// Fetches the bytes of the earliest message from rank `from` under `tag` that ranks_probe() has
/// reported and that was not fetched yet. `size` must be the size reported, and `bytes` have room for
/// it. Returns 0 when all bytes are there, or another value for a failure.
int ranks_receive(void *bytes, size_t size, int from, int tag);

/// Copies `size` bytes from rank `root` to all ranks. All ranks must call it with the same size and
/// root. Returns 0 when this rank has the bytes, other ranks may still wait for theirs; or another value
/// for a failure.
int ranks_broadcast(void *bytes, size_t size, int root);

/// Waits until all ranks have called it. Returns 0, or another value for a failure.
int ranks_barrier(void);

/// Sends `out_size` bytes to rank `to` and receives `in_size` bytes from rank `from`, both at the same
/// time. `to` or `from` is -1 if there is nothing to send or to receive. The other ranks must call it
/// with matching sizes and the same tag. `out` and `in` must not overlap. It takes no part in
/// ranks_probe(). Returns 0 when both are done, or another value for a failure.
int ranks_exchange(const void *out, size_t out_size, int to, void *in, size_t in_size, int from, int tag);

/// Waits until all ranks have called it, then disconnects. To be called once, at the end. Does nothing
/// if ranks_begin() was not called. Returns 0, or another value for a failure.
int ranks_end(void);

/// Ends the processes of all ranks, this one included, with exit code `code`. Does not return.
void ranks_abort(int code);

/// The cause of the last failure on the calling thread, in English, starting with the name of the
/// function that failed. Never NULL; valid until the next failure on that thread.
const char *ranks_message(void);

#ifdef __cplusplus
}
#endif

#endif
