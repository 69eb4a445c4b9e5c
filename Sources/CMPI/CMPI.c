#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L  // for clock_gettime, nanosleep and gethostname
#endif

#include "CMPI.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef CMPI_ENABLED
#include <mpi.h>
#endif

// MARK: State and failures

static int own_rank = 0;
static int rank_count = 0;  // 0 before ranks_begin and after ranks_end
static bool is_broken = false;  // an MPI operation has failed
static _Thread_local char message[512] = "";

const char *ranks_message(void) { return message; }

// Stores the message "operation: text" and returns a failure.
static int fail(const char *operation, const char *text) {
  snprintf(message, sizeof message, "%s: %s", operation, text);
  return 1;
}

// Checks that ranks can be used, that `peer` is one of them or, if allowed, -1, and that the tag is valid.
static int check(const char *operation, int peer, bool allows_none, int tag) {
  char text[160];
  if (rank_count == 0) return fail(operation, "ranks_begin was not called, or ranks_end was");
  if (is_broken) return fail(operation, "an earlier operation between the ranks has failed");
  if (peer >= rank_count || peer < (allows_none ? -1 : 0)) {
    snprintf(text, sizeof text, "there is no rank %d, the number of ranks is %d", peer, rank_count);
    return fail(operation, text);
  }
  if (tag < 0 || tag > RANKS_LARGEST_TAG) {
    snprintf(text, sizeof text, "the tag %d is not within 0 to %d", tag, RANKS_LARGEST_TAG);
    return fail(operation, text);
  }
  return 0;
}

// MARK: Messages known on this rank

// A message from another rank that was reported by ranks_probe, or a message from this rank to itself.
struct Message {
  struct Message *next;
  int source;
  int tag;
  size_t size;
  bool is_reported;
  unsigned char bytes[];  // only if this rank sent it
};

static struct Message *first_message = NULL;  // in the order of arrival

static struct Message *append_message(int source, int tag, size_t size, size_t stored_size) {
  if (stored_size > SIZE_MAX - sizeof(struct Message)) return NULL;
  struct Message *added = malloc(sizeof(struct Message) + stored_size);
  if (added == NULL) return NULL;
  *added = (struct Message){.next = NULL, .source = source, .tag = tag, .size = size};
  struct Message **end = &first_message;
  while (*end != NULL) end = &(*end)->next;
  *end = added;
  return added;
}

// The place of the first message with this source, tag and state. It holds NULL if there is none.
static struct Message **find_message(int source, int tag, bool is_reported) {
  struct Message **place = &first_message;
  while (*place != NULL) {
    struct Message *found = *place;
    if (found->source == source && found->tag == tag && found->is_reported == is_reported) break;
    place = &found->next;
  }
  return place;
}

static void remove_message(struct Message **place) {
  struct Message *removed = *place;
  *place = removed->next;
  free(removed);
}

// MARK: Over MPI

#ifdef CMPI_ENABLED

enum { piece_size = 1 << 20 };

// How long a wait goes on without a pause: longer than a short pause really takes (120 microseconds on a
// virtual machine), or two ranks that answer each other would always find each other asleep.
enum { awake_nanoseconds = 200000 };

static MPI_Comm communicator = MPI_COMM_NULL;
static _Alignas(4096) unsigned char out_slots[2][piece_size];
static _Alignas(4096) unsigned char in_slots[2][piece_size];

// Each tag of the caller stands for three tags of MPI.
enum Use { use_header, use_body, use_exchange };
static int mpi_tag(int tag, enum Use use) { return 3 * tag + (int)use; }

// Stores the text that MPI has for an error code, and returns a failure.
static int fail_in_mpi(const char *operation, int code) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) strcpy(text, "unknown error of MPI");
  is_broken = true;
  return fail(operation, text);
}

// A wait for something that other ranks do.
struct Wait {
  int64_t start;   // when it began, or when the last piece arrived or left, in nanoseconds
  bool has_moved;  // whether a piece has arrived or left
};

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct Wait begin_wait(void) { return (struct Wait){.start = nanoseconds(), .has_moved = false}; }

// Sleeps for a time that depends on how long the wait has lasted. CMPI.h describes the times.
static void pause_within(struct Wait wait) {
  int64_t waited = nanoseconds() - wait.start;
  if (waited < awake_nanoseconds) return;
  // A transfer that has not moved for 250 milliseconds is treated like one that has not begun.
  int64_t longest = wait.has_moved && waited < 250000000 ? 200000 : 4000000;
  int64_t pause = waited / 16;
  if (pause < 20000) pause = 20000;
  if (pause > longest) pause = longest;
  nanosleep(&(struct timespec){.tv_sec = 0, .tv_nsec = (long)pause}, NULL);
}

// Waits until an MPI request is complete.
static int finish(const char *operation, MPI_Request *request) {
  struct Wait wait = begin_wait();
  for (;;) {
    int is_complete = 0;
    int code = MPI_Test(request, &is_complete, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS) return fail_in_mpi(operation, code);
    if (is_complete) return 0;
    pause_within(wait);
  }
}

// A sequence of bytes that is sent, received or broadcast in pieces, two of them under way at a time.
struct Stream {
  enum { sends, receives, broadcasts } kind;
  int peer;                    // the other rank, or the root of a broadcast
  int tag;                     // of MPI; unused by a broadcast
  size_t size;
  const unsigned char *source; // where the bytes come from, or NULL if from the peer
  unsigned char *target;       // where the bytes go to, or NULL if to the peer
  size_t started;              // number of bytes whose pieces were given to MPI
  size_t finished;             // number of bytes whose pieces are complete
  MPI_Request requests[2];
};

static int length_of_piece(const struct Stream *stream, size_t offset) {
  size_t rest = stream->size - offset;
  return rest < piece_size ? (int)rest : piece_size;
}

static int start_piece(const char *operation, struct Stream *stream) {
  size_t index = stream->started / piece_size % 2;
  int length = length_of_piece(stream, stream->started);
  unsigned char *slot = stream->kind == receives ? in_slots[index] : out_slots[index];
  MPI_Request *request = &stream->requests[index];
  if (stream->source != NULL) memcpy(slot, stream->source + stream->started, (size_t)length);
  stream->started += (size_t)length;
  // A synchronous send is complete when the receiver has taken the piece. Other sends may wait for that or
  // not, as the network decides. So whether a message is long decides alone whether its sender waits.
  bool is_synchronous = stream->started == stream->size && stream->size > RANKS_SHORT_SIZE;
  int code;
  if (stream->kind == receives) {
    code = MPI_Irecv(slot, length, MPI_BYTE, stream->peer, stream->tag, communicator, request);
  } else if (stream->kind == broadcasts) {
    code = MPI_Ibcast(slot, length, MPI_BYTE, stream->peer, communicator, request);
  } else if (is_synchronous) {
    code = MPI_Issend(slot, length, MPI_BYTE, stream->peer, stream->tag, communicator, request);
  } else {
    code = MPI_Isend(slot, length, MPI_BYTE, stream->peer, stream->tag, communicator, request);
  }
  return code == MPI_SUCCESS ? 0 : fail_in_mpi(operation, code);
}

// Looks whether the oldest piece under way is complete. If so, takes it over and sets `has_moved`.
static int test_piece(const char *operation, struct Stream *stream, bool *has_moved) {
  size_t index = stream->finished / piece_size % 2;
  int length = length_of_piece(stream, stream->finished);
  int is_complete = 0;
  MPI_Status status;
  int code = MPI_Test(&stream->requests[index], &is_complete, &status);
  if (code != MPI_SUCCESS) return fail_in_mpi(operation, code);
  if (!is_complete) return 0;
  if (stream->kind == receives) {
    int received = 0;
    code = MPI_Get_count(&status, MPI_BYTE, &received);
    if (code != MPI_SUCCESS) return fail_in_mpi(operation, code);
    if (received != length) {
      is_broken = true;
      return fail(operation, "the sender and the receiver use different sizes");
    }
  }
  if (stream->target != NULL) {
    const unsigned char *slot = stream->kind == receives ? in_slots[index] : out_slots[index];
    memcpy(stream->target + stream->finished, slot, (size_t)length);
  }
  stream->finished += (size_t)length;
  *has_moved = true;
  return 0;
}

// Moves all bytes of some streams.
static int run_streams(const char *operation, struct Stream *streams, int count) {
  struct Wait wait = begin_wait();
  for (;;) {
    bool is_open = false;
    bool has_moved = false;
    for (struct Stream *stream = streams; stream < streams + count; stream++) {
      while (stream->started < stream->size && stream->started - stream->finished < 2 * piece_size) {
        if (start_piece(operation, stream) != 0) return 1;
      }
      if (stream->finished < stream->size && test_piece(operation, stream, &has_moved) != 0) return 1;
      if (stream->finished < stream->size) is_open = true;
    }
    if (!is_open) return 0;
    if (has_moved) {
      wait = (struct Wait){.start = nanoseconds(), .has_moved = true};
    } else {
      pause_within(wait);
    }
  }
}

static struct Stream stream_to(const void *bytes, size_t size, int peer, int tag) {
  return (struct Stream){.kind = sends, .peer = peer, .tag = tag, .size = size, .source = bytes};
}

static struct Stream stream_from(void *bytes, size_t size, int peer, int tag) {
  return (struct Stream){.kind = receives, .peer = peer, .tag = tag, .size = size, .target = bytes};
}

static int mpi_barrier(const char *operation) {
  MPI_Request request = MPI_REQUEST_NULL;
  int code = MPI_Ibarrier(communicator, &request);
  if (code != MPI_SUCCESS) return fail_in_mpi(operation, code);
  return finish(operation, &request);
}

static int mpi_begin(const char *operation, int *local_rank, int *local_count, char *host) {
  int level = MPI_THREAD_SINGLE;
  int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
  if (code != MPI_SUCCESS) return fail_in_mpi(operation, code);
  if (level < MPI_THREAD_SERIALIZED) {
    MPI_Finalize();
    return fail(operation, "this MPI does not allow calls from different threads (MPI_THREAD_SERIALIZED)");
  }
  MPI_Comm local = MPI_COMM_NULL;
  int length = 0;
  code = MPI_Comm_dup(MPI_COMM_WORLD, &communicator);
  if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN);
  if (code == MPI_SUCCESS) code = MPI_Comm_rank(communicator, &own_rank);
  if (code == MPI_SUCCESS) code = MPI_Comm_size(communicator, &rank_count);
  if (code == MPI_SUCCESS) {
    code = MPI_Comm_split_type(communicator, MPI_COMM_TYPE_SHARED, own_rank, MPI_INFO_NULL, &local);
  }
  if (code == MPI_SUCCESS) code = MPI_Comm_rank(local, local_rank);
  if (code == MPI_SUCCESS) code = MPI_Comm_size(local, local_count);
  if (code == MPI_SUCCESS) code = MPI_Comm_free(&local);
  if (code == MPI_SUCCESS) code = MPI_Get_processor_name(host, &length);
  return code == MPI_SUCCESS ? 0 : fail_in_mpi(operation, code);
}

static int mpi_send(const char *operation, const void *bytes, size_t size, int to, int tag) {
  uint64_t header = size;
  MPI_Request request = MPI_REQUEST_NULL;
  int code = MPI_Isend(&header, 1, MPI_UINT64_T, to, mpi_tag(tag, use_header), communicator, &request);
  if (code != MPI_SUCCESS) return fail_in_mpi(operation, code);
  if (finish(operation, &request) != 0) return 1;
  struct Stream stream = stream_to(bytes, size, to, mpi_tag(tag, use_body));
  return run_streams(operation, &stream, 1);
}

// Looks once for the header of a message and stores the message if there is one.
static int mpi_probe(const char *operation, int from, int tag, struct Message **found) {
  int is_there = 0;
  MPI_Status status;
  int peer = from < 0 ? MPI_ANY_SOURCE : from;
  int code = MPI_Iprobe(peer, mpi_tag(tag, use_header), communicator, &is_there, &status);
  if (code != MPI_SUCCESS) return fail_in_mpi(operation, code);
  if (!is_there) return 0;
  uint64_t header = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  peer = status.MPI_SOURCE;
  code = MPI_Irecv(&header, 1, MPI_UINT64_T, peer, mpi_tag(tag, use_header), communicator, &request);
  if (code != MPI_SUCCESS) return fail_in_mpi(operation, code);
  if (finish(operation, &request) != 0) return 1;
  *found = append_message(peer, tag, (size_t)header, 0);
  if (*found != NULL) return 0;
  is_broken = true;
  return fail(operation, "not enough memory");
}

static int mpi_receive(const char *operation, void *bytes, size_t size, int from, int tag) {
  struct Stream stream = stream_from(bytes, size, from, mpi_tag(tag, use_body));
  return run_streams(operation, &stream, 1);
}

static int mpi_broadcast(const char *operation, void *bytes, size_t size, int root) {
  struct Stream stream = {.kind = broadcasts, .peer = root, .size = size};
  if (root == own_rank) {
    stream.source = bytes;
  } else {
    stream.target = bytes;
  }
  return run_streams(operation, &stream, 1);
}

static int mpi_exchange(
  const char *operation, const void *out, size_t out_size, int to, void *in, size_t in_size, int from, int tag
) {
  struct Stream streams[2] = {
    stream_from(in, from < 0 ? 0 : in_size, from, mpi_tag(tag, use_exchange)),
    stream_to(out, to < 0 ? 0 : out_size, to, mpi_tag(tag, use_exchange)),
  };
  return run_streams(operation, streams, 2);
}

static int mpi_end(const char *operation) {
  if (mpi_barrier(operation) != 0) return 1;
  int code = MPI_Comm_free(&communicator);
  if (code == MPI_SUCCESS) code = MPI_Finalize();
  return code == MPI_SUCCESS ? 0 : fail_in_mpi(operation, code);
}

#endif

// MARK: The functions of CMPI.h

static bool is_above_one(const char *variable) {
  const char *text = getenv(variable);
  return text != NULL && strtol(text, NULL, 10) > 1;
}

bool ranks_are_launched(void) {
  return is_above_one("OMPI_COMM_WORLD_SIZE") || is_above_one("PMI_SIZE") ||
         is_above_one("SLURM_STEP_NUM_TASKS");
}

bool ranks_are_built(void) {
#ifdef CMPI_ENABLED
  return true;
#else
  return false;
#endif
}

int ranks_begin(int *rank, int *count, int *local_rank, int *local_count, char *host, size_t host_capacity) {
  static bool has_begun = false;
  int own_local_rank = 0;
  int own_local_count = 1;
  char name[1024] = "";
  if (has_begun) return fail("ranks_begin", "it was called before");
  has_begun = true;
#ifdef CMPI_ENABLED
  _Static_assert(sizeof name >= MPI_MAX_PROCESSOR_NAME, "the name of a machine must fit");
  if (mpi_begin("ranks_begin", &own_local_rank, &own_local_count, name) != 0) return 1;
#else
  rank_count = 1;
  if (gethostname(name, sizeof name - 1) != 0) strcpy(name, "localhost");
#endif
  if (rank != NULL) *rank = own_rank;
  if (count != NULL) *count = rank_count;
  if (local_rank != NULL) *local_rank = own_local_rank;
  if (local_count != NULL) *local_count = own_local_count;
  if (host != NULL && host_capacity > 0) snprintf(host, host_capacity, "%s", name);
  return 0;
}

int ranks_send(const void *bytes, size_t size, int to, int tag) {
  const char *operation = "ranks_send";
  if (check(operation, to, false, tag) != 0) return 1;
  if (to == own_rank) {
    struct Message *added = append_message(own_rank, tag, size, size);
    if (added == NULL) return fail(operation, "not enough memory");
    if (size > 0) memcpy(added->bytes, bytes, size);
    return 0;
  }
#ifdef CMPI_ENABLED
  return mpi_send(operation, bytes, size, to, tag);
#else
  return 1;  // check() allows no other rank
#endif
}

int ranks_probe(int from, int tag, bool waits, int *source, size_t *size) {
  const char *operation = "ranks_probe";
  *source = -1;
  *size = 0;
  if (check(operation, from, true, tag) != 0) return 1;
  struct Message *found = NULL;
  if (from == own_rank || from < 0) found = *find_message(own_rank, tag, false);
  // Only other ranks can end a wait, because this one is here.
  if (found == NULL && waits && (from == own_rank || rank_count == 1)) {
    return fail(operation, "waiting for a message from this rank itself, which has sent none");
  }
#ifdef CMPI_ENABLED
  struct Wait wait = begin_wait();
  while (found == NULL && from != own_rank) {
    if (mpi_probe(operation, from, tag, &found) != 0) return 1;
    if (found != NULL || !waits) break;
    pause_within(wait);
  }
#endif
  if (found == NULL) return 0;
  found->is_reported = true;
  *source = found->source;
  *size = found->size;
  return 0;
}

int ranks_receive(void *bytes, size_t size, int from, int tag) {
  const char *operation = "ranks_receive";
  if (check(operation, from, false, tag) != 0) return 1;
  struct Message **place = find_message(from, tag, true);
  if (*place == NULL) return fail(operation, "ranks_probe has reported no such message");
  if ((*place)->size != size) return fail(operation, "the size is not the one that ranks_probe reported");
  if (from == own_rank && size > 0) memcpy(bytes, (*place)->bytes, size);
  remove_message(place);
#ifdef CMPI_ENABLED
  if (from != own_rank) return mpi_receive(operation, bytes, size, from, tag);
#endif
  return 0;
}

int ranks_broadcast(void *bytes, size_t size, int root) {
  if (check("ranks_broadcast", root, false, 0) != 0) return 1;
#ifdef CMPI_ENABLED
  if (rank_count > 1 && size > 0) return mpi_broadcast("ranks_broadcast", bytes, size, root);
#else
  (void)bytes;
  (void)size;
#endif
  return 0;
}

int ranks_barrier(void) {
  if (check("ranks_barrier", 0, false, 0) != 0) return 1;
#ifdef CMPI_ENABLED
  return mpi_barrier("ranks_barrier");
#else
  return 0;
#endif
}

int ranks_exchange(const void *out, size_t out_size, int to, void *in, size_t in_size, int from, int tag) {
  const char *operation = "ranks_exchange";
  if (check(operation, to, true, tag) != 0 || check(operation, from, true, tag) != 0) return 1;
  if (to == own_rank || from == own_rank) {
    if (to != from || out_size != in_size) {
      return fail(operation, "a rank that sends to itself must receive the same from itself");
    }
    if (in_size > 0) memcpy(in, out, in_size);
    return 0;
  }
#ifdef CMPI_ENABLED
  return mpi_exchange(operation, out, out_size, to, in, in_size, from, tag);
#else
  return 0;  // check() allows no other rank
#endif
}

int ranks_end(void) {
  if (rank_count == 0) return 0;
  if (check("ranks_end", 0, false, 0) != 0) return 1;
#ifdef CMPI_ENABLED
  if (mpi_end("ranks_end") != 0) return 1;
#endif
  rank_count = 0;
  while (first_message != NULL) remove_message(&first_message);
  return 0;
}

void ranks_abort(int code) {
#ifdef CMPI_ENABLED
  if (rank_count > 0) MPI_Abort(MPI_COMM_WORLD, code);
#endif
  exit(code);
}
