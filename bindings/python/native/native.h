/* native.h: the extension module `cachecore._native`, over the C ABI of libcachecore and the stable ABI of
 * CPython 3.11.
 *
 * What it is. Objects that map one to one to those of the C ABI, and the two conversions between Python's values and
 * cachecore_value. All policy (decorators, sessions, web frameworks) is Python code above it.
 *
 *     Core        a cachecore handle, shared by clients            core.c
 *     Method      one method of a plugin, as a callable            method.c
 *     Queue       a completion queue of one event loop             queue.c
 *     Operation   what an asynchronous call returns: awaitable     operation.c
 *     Stream      items of a streaming method, both ways           stream.c
 *
 * Thread rule. All state of these objects is guarded by the GIL. It is released around blocking calls alone
 * (cachecore_call, init, reset, close, poll), never while arguments are read. Nothing here is ever called by a thread
 * of the library.
 *
 * Invariants
 * - A handle is used between core_enter and core_leave alone; it is closed when nobody is between them, by whoever
 *   leaves last. So close may be called at any time, also by a signal handler that runs inside a call of its own
 * thread.
 * - Everything that arguments point to is kept alive by `arguments` until the call has returned.
 * - After a fork the first use of a core in the child resets it (adopt): what was the parent's is left alone.
 */
#ifndef CACHECORE_PYTHON_NATIVE_H
#define CACHECORE_PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <cachecore/completions.h>
#include <cachecore/core.h>
#include <cachecore/options.h>
#include <stdbool.h>
#include <string.h>
#include <structmember.h>

/* Some of the stable ABI's own take PyObject * alone. */
#ifndef Py_TYPE
#define Py_TYPE(object) Py_TYPE((PyObject *)(object))
#endif
#ifndef Py_INCREF
#define Py_INCREF(object) Py_INCREF((PyObject *)(object))
#endif
#ifndef Py_DECREF
#define Py_DECREF(object) Py_DECREF((PyObject *)(object))
#endif
#ifndef Py_XDECREF
#define Py_XDECREF(object) Py_XDECREF((PyObject *)(object))
#endif

/* Takes the reference to `to`. */
static inline void set_reference(PyObject **place, PyObject *to) {
  PyObject *before = *place;
  *place = to;
  Py_XDECREF(before);
}

/* How BYTES of results appear. */
enum decoding {
  DECODE_TEXT = 0, /* str where they are UTF-8, else bytes */
  DECODE_KEYS = 1, /* bytes; the keys of maps as DECODE_TEXT */
  DECODE_NONE = 2, /* bytes */
};

/* ---- values.c: conversion ---- */

#define ARGUMENTS_INLINE 16

/* Arguments of one call, and what keeps them alive. */
typedef struct call_arguments {
  cachecore_value values[ARGUMENTS_INLINE];
  struct block *blocks; /* nested values */
  struct held *held;    /* objects and buffers */
} call_arguments;

void arguments_init(call_arguments *args);
void arguments_clear(call_arguments *args);
/* Writes `object` as a value that lives until arguments_clear. False with a Python exception set. */
bool value_from_python(call_arguments *args, PyObject *object, cachecore_value *out);
extern PyObject *pairs_type;
int values_init(PyObject *module);
/* A new reference, or NULL with an exception set. */
PyObject *value_to_python(const cachecore_value *value, enum decoding how);

/* ---- core.c ---- */

typedef struct core_object {
  PyObject_HEAD cachecore *handle; /* NULL once closed */
  Py_ssize_t users;                /* how many are between core_enter and core_leave */
  int closing;                     /* read without the GIL by those that wait */
  long process;                    /* the process the handle was made or adopted in */
  long generation;                 /* how often plugins were made anew: what was told them before is forgotten */
  PyObject *loop;                  /* the event loop that asked last, and its queue: a cache over find_queue */
  PyObject *queue;
  PyObject *find_queue; /* Python: loop -> Queue */
  PyObject *weak_references;
} core_object;

/* A thread's stay in a core; a chain, since a signal handler may call from within a call. */
typedef struct stay {
  struct stay *outer;
  core_object *core;
  cachecore *handle;
  PyThreadState *released; /* while the GIL is released */
  bool raised;             /* a signal handler raised an exception, which is set */
} stay;

extern PyTypeObject *core_type;
/* False with an exception set if the core is closed, or was inherited by fork and cannot be made this process' own. */
bool core_enter(core_object *core, stay *here);
void core_leave(stay *here);
void stay_release_gil(stay *here);
void stay_take_gil(stay *here);
long current_process(void);

/* ---- errors.c ---- */

/* Sets the exception for a failed operation. Names may be NULL. */
void raise_error(const cachecore_error *error, PyObject *operation, PyObject *key);
/* The exception itself, a new reference; NULL with another exception set. */
PyObject *make_error(const cachecore_error *error, PyObject *operation, PyObject *key);
PyObject *make_error_of(cachecore_status status, const char *code, const char *message, PyObject *operation,
                        PyObject *key);
/* Whether on_error="default" answers errors of this status with a default instead of raising. */
bool may_be_absorbed(cachecore_status status);
int errors_init(PyObject *module);

/* ---- method.c ---- */

typedef struct method_object {
  PyObject_HEAD core_object *core;
  const cachecore_method *method; /* lives as long as the core's handle */
  PyMethodDef definition;         /* of the callable that Python sees; `self` of it is this object */
  PyObject *name;                 /* "kv.get" */
  char *plain_name;
  char *documentation;
  PyObject *parameters; /* tuple of interned names */
  PyObject *options;    /* names of the fields of the options parameter, a frozenset, or NULL */
  Py_ssize_t options_index;
  Py_ssize_t key_index; /* the parameter that errors name, or -1 */
  enum decoding decode;
  int64_t timeout_ms;
  bool takes_timeout;  /* no parameter of its own is called timeout_ms */
  PyObject *missing;   /* what NOT_FOUND becomes */
  PyObject *absorb;    /* Python: exception -> value, of on_error="default"; or NULL */
  PyObject *give_back; /* Python: result -> None, when an awaited result reaches nobody; or NULL */
} method_object;

extern PyTypeObject *method_type;
typedef struct queue_object queue_object;
typedef struct operation operation_object;
/* What a completion came to: a new reference, or NULL with an exception set. */
PyObject *method_outcome(method_object *method, const cachecore_completion *completion, PyObject *key);

/* ---- queue.c ---- */

/* What waits for completions: the head of an operation and of a stream. */
typedef struct pending {
  PyObject_HEAD struct pending *previous; /* in the queue's list */
  struct pending *next;
  queue_object *queue; /* NULL when it waits for none any more */
  method_object *method;
  PyObject *key;
  uint64_t operation;
  /* Both leave no exception set. What they settle goes to the queue's `ready`. */
  void (*complete)(struct pending *self, queue_object *queue, const cachecore_completion *completion);
  void (*abandon)(struct pending *self, queue_object *queue); /* the queue goes away */
} pending;

struct queue_object {
  PyObject_HEAD core_object *core;
  cachecore_completions *completions;
  PyObject *loop;
  pending *first;
  struct operation *ready; /* settled, their callbacks not run yet: first in, first out */
  struct operation **ready_end;
  long process;
};

extern PyTypeObject *queue_type;
/* The queue of the running event loop; borrowed from the core. NULL with an exception set. */
queue_object *queue_of_running_loop(core_object *core);
/* Submits for `waiting`, which is kept alive until its last completion. False with an exception set. */
bool queue_submit(queue_object *queue, pending *waiting, const cachecore_value *args, size_t count, int64_t timeout_ms,
                  cachecore_error *error);
void queue_forget(pending *waiting);
/* Has the callbacks of a settled operation run at the end of this turn. */
void queue_ready(queue_object *queue, operation_object *settled);
/* Asks for the end of what waits. */
void pending_cancel(pending *waiting);
void pending_clear(pending *waiting);

/* ---- operation.c ---- */

struct operation {
  pending base;
  PyObject *loop;
  PyObject *result;    /* once done: a result ... */
  PyObject *exception; /* ... or an exception */
  PyObject *callback;  /* the first done callback and its context */
  PyObject *context;
  PyObject *more_callbacks; /* list of (callback, context), or NULL */
  PyObject *cancel_message;
  struct operation *next_ready;
  PyObject *owner; /* of one that a stream made: the stream */
  bool done;
  bool cancelled;
  bool cancelling; /* asked for; it ends with the completion */
  bool blocking;   /* asyncio's _asyncio_future_blocking */
  bool seen;       /* somebody took the exception */
  bool taken;      /* the awaiting coroutine took the result */
};

extern PyTypeObject *operation_type;
operation_object *operation_new(PyObject *loop, method_object *method, PyObject *key);
/* Takes the reference to `result`, or the exception that is set when it is NULL. */
void operation_settle(operation_object *self, PyObject *result);
void operation_settle_cancelled(operation_object *self);
/* Runs the callbacks of what was settled. False with an exception set that has to leave the event loop. */
bool operation_run_callbacks(operation_object *self);
/* Has the event loop run them. */
void operation_schedule_callbacks(operation_object *self);

/* ---- stream.c ---- */

extern PyTypeObject *stream_type;
extern PyTypeObject *blocking_stream_type;
PyObject *stream_open(method_object *method, const cachecore_value *values, Py_ssize_t count, int64_t timeout_ms,
                      PyObject *key, bool blocking);

int core_init_type(PyObject *module);
int method_init_type(PyObject *module);
int queue_init_type(PyObject *module);
int operation_init_type(PyObject *module);
int stream_init_type(PyObject *module);

#endif
